import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { quote } from '../../../drivers/ssh/quote.ts'

/** What programs are given when this shell runs these command lines, one after the other. */
function argvsThrough(shell: string, argvs: readonly string[][]): string[][] {
  const script = argvs.map((argv) => quote(['printf', '%s\\0', ...argv, 'end of argv'])).join('\n')
  const { stdout } = spawnSync(shell, ['-c', script], { encoding: 'utf8' })
  return stdout.split('end of argv\0').slice(0, -1).map((given) => given.split('\0').slice(0, -1))
}

const shellSigns = fc.constantFrom(...Array.from(`'"\\$\`!*?[]{}()<>|&;#~= \t\n\r-%^@a1`))
const anySign = fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' })
const word = fc.string({ unit: fc.oneof(shellSigns, anySign) }).filter((text) => !text.includes('\0'))

it.each(['sh', 'bash'])('any argv arrives unchanged through %s', (shell) => {
  const argv = fc.array(word, { minLength: 1, maxLength: 20 })
  fc.assert(fc.property(fc.array(argv, { minLength: 10, maxLength: 10 }), (argvs) => {
    expect(argvsThrough(shell, argvs)).toEqual(argvs)
  }), { numRuns: 20 })
})

it('quotes every word, also what a shell would take for its own', () => {
  expect(quote(['if', 'A=1', '', "it's"])).toBe(`'if' 'A=1' '' 'it'\\''s'`)
})

it('refuses a NUL byte', () => {
  expect(() => quote(['echo', 'a\0b'])).toThrow(RangeError)
})
