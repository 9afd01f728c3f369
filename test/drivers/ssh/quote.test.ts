import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { quote } from '../../../drivers/ssh/quote.ts'

/** What a program is given when this shell runs the command line. */
function argvThrough(shell: string, argv: readonly string[]): string[] {
  const { stdout } = spawnSync(shell, ['-c', quote(['printf', '%s\\0', ...argv])], { encoding: 'utf8' })
  return stdout.split('\0').slice(0, -1)
}

const shellSigns = fc.constantFrom(...Array.from(`'"\\$\`!*?[]{}()<>|&;#~= \t\n\r-%^@a1`))
const anySign = fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' })
const word = fc.string({ unit: fc.oneof(shellSigns, anySign) }).filter((text) => !text.includes('\0'))

it.each(['sh', 'bash'])('any argv arrives unchanged through %s', (shell) => {
  fc.assert(fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (argv) => {
    expect(argvThrough(shell, argv)).toEqual(argv)
  }), { numRuns: 200 })
})

it('quotes every word, also what a shell would take for its own', () => {
  expect(quote(['if', 'A=1', '', "it's"])).toBe(`'if' 'A=1' '' 'it'\\''s'`)
})

it('refuses a NUL byte', () => {
  expect(() => quote(['echo', 'a\0b'])).toThrow(RangeError)
})
