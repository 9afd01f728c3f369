/** Keystone sent what no server of its own would understand, or what does not fit the state of this one. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

/** Throws a Violation with this message where the condition does not hold. */
export function expectThat(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Violation(message)
}
