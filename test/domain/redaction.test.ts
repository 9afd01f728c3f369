import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRedaction, type RedactedPiece, type Redaction } from '../../domain/redaction.ts'
import { secretForms } from '../../domain/secret-forms.ts'

const encode = (text: string) => new TextEncoder().encode(text)
const decode = (pieces: readonly RedactedPiece[]) => Buffer.concat(pieces.map((piece) => piece.bytes)).toString('utf8')

/** Redacts the bytes cut at the given places. */
function redactCut(redaction: Redaction, raw: Uint8Array, cuts: readonly number[], offset = 0): RedactedPiece[] {
  const redactor = redaction.stream(offset)
  const places = [0, ...cuts.map((cut) => cut % (raw.length + 1)).sort((a, b) => a - b), raw.length]
  const pieces = places.slice(1).map((end, index) => redactor.push(raw.subarray(places[index], end)))
  return [...pieces, redactor.end()].filter((piece) => piece !== null)
}

describe('masks a secret', () => {
  const password = `p'a s"s/wö\\rd`
  const mask = (text: string) => createRedaction([password], [['lab', password]]).text(text)

  it.each([
    ['as it is', password],
    ['in base64', Buffer.from(password).toString('base64').replace(/=+$/, '')],
    ['in base64 with its user', Buffer.from(`lab:${password}`).toString('base64').replace(/=+$/, '')],
    ['in base64url', Buffer.from(password).toString('base64url')],
    ['in a URL', encodeURIComponent(password)],
    ['in a URL in lower case', encodeURIComponent(password).replaceAll(/%../g, (code) => code.toLowerCase())],
    ['in a form', new URLSearchParams({ x: password }).toString().slice(2)],
    ['in JSON', JSON.stringify(password).slice(1, -1)],
    ['in PHP\'s JSON', String.raw`p'a s\"s\/w\u00f6\\rd`],
    ['in a shell\'s single quotes', password.replaceAll("'", `'\\''`)],
    ['in a shell\'s double quotes', String.raw`p'a s\"s/wö\\rd`],
    ['as printf %q prints it', String.raw`p\'a\ s\"s/wö\\rd`],
  ])('%s', (_, form) => {
    expect(mask(`<${form}>`)).toBe('<[secret]>')
  })

  it('within the base64 of something longer', () => {
    for (const before of ['', 'a', 'ab', 'abc']) {
      const encoded = Buffer.from(`${before}${password}:after`).toString('base64')
      expect(mask(encoded)).toContain('[secret]')
      expect(Buffer.from(mask(encoded).replace('[secret]', ''), 'base64').toString()).not.toContain(password.slice(2, -2))
    }
  })

  it('line by line when it has several', () => {
    const key = '-----BEGIN KEY-----\nAAAAfirstline\nAAAAsecondline\n-----END KEY-----\n'
    const redaction = createRedaction([key])
    expect(redaction.text(`one\n  AAAAsecondline\ntwo`)).toBe('one\n  [secret]\ntwo')
    expect(redaction.text(`${key}rest`)).toBe('[secret]rest')
  })

  it('with another one that overlaps it, leaving nothing of either', () => {
    expect(createRedaction(['abcdefgh', 'fghijklm']).text('x abcdefghijklm y')).toBe('x [secret] y')
  })

  it('but not a value under 6 characters', () => {
    expect(createRedaction(['short'], [['user', 'pass']]).text('short pass')).toBe('short pass')
  })
})

describe('a stream', { timeout: 60_000 }, () => {
  const secret = fc.string({ unit: fc.constantFrom(...Array.from('abAB-_ö/+ \'"')), minLength: 6, maxLength: 12 })
  const noise = fc.string({ unit: fc.constantFrom(...Array.from('abAB-_ö/+ \'"\n€😀')), maxLength: 30 })
  const scene = fc.array(secret, { minLength: 1, maxLength: 3 }).chain((secrets) => fc.record({
    secrets: fc.constant(secrets),
    parts: fc.array(fc.oneof(noise, fc.constantFrom(...secretForms(secrets))), { maxLength: 12 }),
    cuts: fc.array(fc.nat(), { maxLength: 12 }),
  }))

  it('is redacted the same however it is cut, and no form of a secret remains', () => {
    fc.assert(fc.property(scene, ({ secrets, parts, cuts }) => {
      const redaction = createRedaction(secrets)
      const whole = redaction.text(parts.join(''))
      expect(decode(redactCut(redaction, encode(parts.join('')), cuts))).toBe(whole)
      for (const form of secretForms(secrets)) expect(whole).not.toContain(form)
    }), { numRuns: 200 })
  })

  it('comes in pieces that cover every raw byte once and end between characters', () => {
    fc.assert(fc.property(scene, ({ secrets, parts, cuts }) => {
      const raw = encode(parts.join(''))
      const pieces = redactCut(createRedaction(secrets), raw, cuts, 1000)
      expect(pieces.reduce((end, piece) => piece.offset === end ? end + piece.length : -1, 1000)).toBe(1000 + raw.length)
      for (const piece of pieces) expect(() => new TextDecoder('utf-8', { fatal: true }).decode(piece.bytes)).not.toThrow()
    }))
  })

  it('can be taken up at the end of any piece', () => {
    fc.assert(fc.property(scene, fc.nat(), ({ secrets, parts, cuts }, pick) => {
      const raw = encode(parts.join(''))
      const redaction = createRedaction(secrets)
      const pieces = redactCut(redaction, raw, cuts)
      const kept = pieces.slice(0, pick % (pieces.length + 1))
      const from = kept.reduce((end, piece) => end + piece.length, 0)
      const rest = redactCut(redaction, raw.subarray(from), [], from)
      expect(decode([...kept, ...rest])).toBe(decode(pieces))
    }))
  })

  it('passes bytes that are no text unchanged', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat()), (raw, cuts) => {
      const pieces = redactCut(createRedaction(['a secret that random bytes do not hold']), raw, cuts)
      expect(Buffer.concat(pieces.map((piece) => piece.bytes))).toEqual(Buffer.from(raw))
    }))
  })

  it('holds nothing back but what may become a secret', () => {
    const redactor = createRedaction(['open sesame']).stream(0)
    expect(redactor.push(encode('a line\n'))).toEqual({ offset: 0, length: 7, bytes: encode('a line\n') })
    expect(redactor.push(encode('say open s'))).toEqual({ offset: 7, length: 4, bytes: encode('say ') })
    expect(redactor.push(encode('esame!'))).toEqual({ offset: 11, length: 12, bytes: encode('[secret]!') })
    expect(redactor.end()).toBeNull()
  })
})
