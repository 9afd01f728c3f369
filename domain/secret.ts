/**
 * A value that must not appear in logs, histories, errors or JSON.
 * Everything that prints it prints `[secret]`; `.reveal()` is the one, greppable way to the text.
 */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}

/** The text of a value that may or may not be a secret; call it only where the text leaves for its destination. */
export function revealed(value: string | Secret): string {
  return typeof value === 'string' ? value : value.reveal()
}
