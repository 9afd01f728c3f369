import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderDotenv } from '../../domain/dotenv.ts'

/** Reads a line as Compose does: escapes within double quotes, `\$` for a dollar that is not a variable. */
function read(line: string): [string, string] {
  const [, name = '', quoted = ''] = /^([A-Za-z_][A-Za-z0-9_]*)="(.*)"$/s.exec(line) ?? []
  const plain = quoted.replace(/\\([\\"$nr])/g, (_, character: string) => ({ n: '\n', r: '\r' })[character] ?? character)
  return [name, plain]
}

const value = fc.string({ unit: fc.oneof(fc.constantFrom('$', '"', "'", '\\', '\n', '\r', '#', '`', ' ', '='), fc.string({ unit: 'grapheme', maxLength: 1 })) })
const withoutNul = value.filter((text) => !text.includes('\0'))
const name = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,10}$/)

describe('renderDotenv', () => {
  it('escapes what Compose would interpret', () => {
    expect(renderDotenv({ APP_KEY: 'a$b', NOTE: 'say "hi"\nC:\\new # not a comment\r' })).toBe(
      'APP_KEY="a\\$b"\nNOTE="say \\"hi\\"\\nC:\\\\new # not a comment\\r"\n',
    )
  })

  it('gives one line for each variable, from which every value is read back unchanged', () => {
    fc.assert(
      fc.property(fc.dictionary(name, withoutNul), (variables) => {
        const lines = renderDotenv(variables).split('\n').slice(0, -1)
        expect(lines.map(read)).toEqual(Object.entries(variables))
      }),
    )
  })

  it('leaves no dollar and no quote unescaped', () => {
    fc.assert(
      fc.property(withoutNul, (text) => {
        const [, quoted = ''] = /^A="(.*)"\n$/s.exec(renderDotenv({ A: text })) ?? []
        expect(quoted.replace(/\\[\\"$nr]/g, '')).not.toMatch(/["$\\\n\r]/)
      }),
    )
  })

  it('refuses names that are none, and NUL bytes', () => {
    expect(() => renderDotenv({ 'A B': '' })).toThrow('"A B" is not the name of an environment variable')
    expect(() => renderDotenv({ A: 'x\0y' })).toThrow('the value of A contains a NUL byte')
  })
})
