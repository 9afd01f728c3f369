import { secretForms, type Credential } from './secret-forms.ts'
import { createMatcher, type Matcher } from './secret-matcher.ts'

/** Redacted output, standing for `length` raw bytes from `offset` on. */
export interface RedactedPiece {
  offset: number
  length: number
  bytes: Uint8Array
}

/** Redacts one stream. Pieces end between characters and between secrets, so that another one may go on from any piece's end. */
export interface Redactor {
  /** Takes the next raw bytes; what may begin a secret or a character is held back. Null when nothing can be said yet. */
  push(bytes: Uint8Array): RedactedPiece | null
  /** What was held back, at the end of the stream. */
  end(): RedactedPiece | null
}

/** Masks one set of secrets, in streams and in single texts. */
export interface Redaction {
  /** A redactor for a stream that is read from this raw offset on. */
  stream(offset: number): Redactor
  text(value: string): string
}

const mask = new TextEncoder().encode('[secret]')

/** A row of secrets that overlap each other is masked as one up to this length, so that no more than this is ever held back. */
const longestRow = 64 * 1024

/** Masks the secrets in all their forms (see secret-forms.ts; not under 6 characters), however the stream is cut. */
export function createRedaction(secrets: readonly string[], credentials: readonly Credential[] = []): Redaction {
  const matcher = createMatcher(secretForms(secrets, credentials))
  const stream = (offset: number) => createRedactor(matcher, offset)
  return {
    stream,
    text(value) {
      const redactor = stream(0)
      const pieces = [redactor.push(new TextEncoder().encode(value)), redactor.end()]
      return new TextDecoder().decode(joined(pieces.flatMap((piece) => piece ? [piece.bytes] : [])))
    },
  }
}

function createRedactor(matcher: Matcher, start: number): Redactor {
  let offset = start
  let held: Uint8Array = new Uint8Array()
  const emit = (isEnd: boolean): RedactedPiece | null => {
    const { bytes, length } = redact(matcher, held, isEnd)
    held = held.slice(length)
    offset += length
    return length === 0 ? null : { offset: offset - length, length, bytes }
  }
  return {
    push(bytes) {
      held = joined([held, bytes])
      return emit(false)
    },
    end: () => emit(true),
  }
}

/** Redacts as many of the raw bytes as can be decided: `length` of them. */
function redact(matcher: Matcher, raw: Uint8Array, isEnd: boolean): { bytes: Uint8Array; length: number } {
  const parts: Uint8Array[] = []
  let at = 0
  let plainFrom = 0
  while (at < raw.length) {
    const end = secretEnd(matcher, raw, at, isEnd)
    if (end === 'undecided') break
    if (end === at) {
      at += 1
      continue
    }
    parts.push(raw.subarray(plainFrom, at), mask)
    at = end
    plainFrom = end
  }
  const length = isEnd ? at : Math.max(plainFrom, characterEnd(raw, at))
  return { bytes: joined([...parts, raw.subarray(plainFrom, length)]), length }
}

/** Where the secret that starts at `at` ends, with those that overlap it; `at` itself when none starts there. */
function secretEnd(matcher: Matcher, raw: Uint8Array, at: number, isEnd: boolean): number | 'undecided' {
  let end = at
  for (let from = at; from === at || (from < end && from - at < longestRow); from += 1) {
    if (!isEnd && matcher.mayBegin(raw, from)) return 'undecided'
    end = Math.max(end, from + matcher.longestAt(raw, from))
  }
  return end
}

/** The last place up to `at` that does not split a character of UTF-8; bytes that are no UTF-8 are let pass. */
function characterEnd(raw: Uint8Array, at: number): number {
  for (let back = 1; back <= Math.min(3, at); back += 1) {
    const byte = raw[at - back] ?? 0
    if (byte >= 0xc0) return characterLength(byte) > back ? at - back : at
    if (byte < 0x80) return at
  }
  return at
}

function characterLength(lead: number): number {
  if (lead >= 0xf0) return 4
  return lead >= 0xe0 ? 3 : 2
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
