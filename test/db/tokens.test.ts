import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isMistyped, newToken } from '../../db/tokens.ts'

const prefixes = ['ks_', 'ksi_'] as const

test('tokens differ, begin as what they are, and are what scanners look for', () => {
  const made = prefixes.flatMap((prefix) => Array.from({ length: 200 }, () => newToken(prefix).text.reveal()))
  expect(new Set(made).size).toBe(400)
  for (const text of made) expect(text).toMatch(/^ksi?_[0-9A-Za-z]{46}$/)
  expect(made.filter((text) => isMistyped(text))).toEqual([])
})

test('one that was mistyped is known without asking anybody', () => {
  const character = fc.constantFrom('0', '5', '9', 'a', 'z', 'A', 'Z')
  fc.assert(
    fc.property(fc.constantFrom(...prefixes), fc.integer({ min: 0, max: 45 }), character, (prefix, at, other) => {
      const text = newToken(prefix).text.reveal()
      const place = prefix.length + at
      fc.pre(text[place] !== other)
      expect(isMistyped(text.slice(0, place) + other + text.slice(place + 1))).toBe(true)
    }),
  )
})

test('the older form has no checksum that could be wrong', () => {
  expect(isMistyped(`ks_${'a'.repeat(43)}`)).toBe(false)
})

test('the checksum is CRC-32 in base62, for scanners of any language', () => {
  expect(['2kaqcA', '000000'].map((sum) => isMistyped(`ks_${'0'.repeat(40)}${sum}`))).toEqual([false, true])
})
