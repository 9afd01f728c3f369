import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readDotenv } from '../../domain/dotenv-reader.ts'
import { renderDotenv } from '../../domain/dotenv.ts'

const read = (text: string) => {
  const { variables, problems } = readDotenv(text)
  expect(problems).toEqual([])
  return variables
}
const problems = (text: string) => readDotenv(text).problems.map(({ line, message }) => `${line}: ${message}`)

describe('a .env file', () => {
  it('of a Laravel application is read as Laravel reads it', () => {
    const text = [
      ...['\uFEFFAPP_NAME="My Shop"', 'APP_ENV=local', 'APP_KEY=base64:q0+/=', 'APP_DEBUG=true # not on production', ''],
      ...['# Mail', 'export MAIL_PASSWORD=\'p$${w"#d\'', 'MAIL_FROM_NAME="${APP_NAME}"', 'VITE_URL=https://${APP_ENV}.test/a', 'EMPTY=', "NONE=''", '  SPACED = "a b"  '],
    ]
    expect(read(text.join('\r\n'))).toEqual({
      ...{ APP_NAME: 'My Shop', APP_ENV: 'local', APP_KEY: 'base64:q0+/=', APP_DEBUG: 'true', MAIL_PASSWORD: 'p$${w"#d' },
      ...{ MAIL_FROM_NAME: 'My Shop', VITE_URL: 'https://local.test/a', EMPTY: '', NONE: '', SPACED: 'a b' },
    })
  })

  it('may have values of several lines, and escapes, in double quotes', () => {
    expect(read('KEY="-----BEGIN KEY-----\nabc=\n\n# kept\n-----END KEY-----\n"\nNEXT="say \\"hi\\" for \\$5 in C:\\\\new\\n\\t😀"\nLAST="\\\\"')).toEqual({
      ...{ KEY: '-----BEGIN KEY-----\nabc=\n\n# kept\n-----END KEY-----\n', NEXT: 'say "hi" for $5 in C:\\new\n\t😀', LAST: '\\' },
    })
  })

  it('is read back as Keystone renders it', () => {
    const unit = fc.oneof(fc.constantFrom('$', '${', '"', "'", '\\', '\n', '\r', '#', '`', ' ', '=', 'A'), fc.string({ unit: 'grapheme', maxLength: 1 }))
    const value = fc.string({ unit }).filter((text) => !text.includes('\0'))
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,10}$/), value), (variables) => {
        expect(read(renderDotenv(variables))).toEqual({ ...variables })
      }),
    )
  })

  it.each([
    ['a name that is none', 'A=1\nB C=2', '2: "B C" is not the name of a variable'],
    ['a line of words', 'not a variable', '1: "not a variable" is not the name of a variable'],
    ['no value', 'A=1\n\nB', '3: B has no value: write B= for an empty one'],
    ['words without quotes', 'APP_NAME=My Shop', '1: more follows after the value: put double quotes around all of it'],
    ['text behind a quoted value', 'A="b"c', '1: more follows after the value: put double quotes around all of it'],
    ['quotes that are not closed', "A=1\nB='x\nC=2", '2: the single quotes are not closed'],
    ['double quotes that are not closed', 'A=1\nB="x\nC=2', '2: the double quotes are not closed'],
    ['a quote within', 'A=b"c"', '1: a quote stands within the value: put quotes around all of it'],
    ['an escape that is none', 'A="C:\\Users"', '1: \\U is not an escape: write two backslashes for one'],
    ['a reference to nothing', 'A="${B}"\nB=1', '1: ${B} is not set above this line'],
    ['a name that comes twice', 'A=1\nB=2\nA=3', '3: A is set on line 1 already'],
  ])('with %s is refused, naming line and reason', (_, text, problem) => {
    expect(problems(text)).toEqual([problem])
  })

  it('names every line that is wrong with it', () => {
    expect(problems('A=b c\nB=1\nC D=2\n')).toHaveLength(2)
  })
})
