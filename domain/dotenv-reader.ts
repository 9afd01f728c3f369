/** What was read from a `.env` file, and the lines that could not be. */
export interface ReadDotenv {
  variables: Readonly<Record<string, string>>
  /** Lines count from 1. */
  problems: readonly { line: number; message: string }[]
}

/** A line cannot be read; the message goes on after `line 3: `. */
class Unreadable extends Error {
  override readonly name = 'Unreadable'
}

/**
 * Reads a `.env` file as Laravel does (phpdotenv 5): quotes, escapes and values of several lines in double quotes, `export`, comments,
 * and `${NAME}` for a variable above. What Laravel would refuse or leave as it stands is a problem, and so is a name that comes twice.
 */
export function readDotenv(text: string): ReadDotenv {
  const variables = new Map<string, string>()
  const firstLines = new Map<string, number>()
  const problems: { line: number; message: string }[] = []
  for (const { line, entry } of entriesOf(text)) {
    try {
      const { name, value } = readEntry(entry, variables)
      const first = firstLines.get(name)
      if (first !== undefined) throw new Unreadable(`${name} is set on line ${first} already`)
      firstLines.set(name, line)
      variables.set(name, value)
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error
      problems.push({ line, message: error.message })
    }
  }
  return { variables: Object.fromEntries(variables), problems }
}

/** Lines that set something; one whose double quotes are left open goes on on the next ones. */
function entriesOf(text: string): { line: number; entry: string }[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  const entries: { line: number; entry: string }[] = []
  for (let index = 0; index < lines.length; index += 1) {
    const [line, entry = ''] = [index + 1, lines[index]]
    if (/^\s*(?:#|$)/.test(entry)) continue
    const end = opensQuotes(entry) ? lines.findIndex((next, at) => at > index && closesQuotes(next)) : -1
    entries.push({ line, entry: end < 0 ? entry : lines.slice(index, end + 1).join('\n') })
    index = Math.max(index, end)
  }
  return entries
}

/** Whether a value begins with a double quote that is not closed on its line. */
const opensQuotes = (line: string): boolean => /^[^=]*=\s*"(?:[^"\\]|\\.)*\\?$/.test(line)

const closesQuotes = (line: string): boolean => /^(?:[^"\\]|\\.)*"/.test(line)

function readEntry(entry: string, above: ReadonlyMap<string, string>): { name: string; value: string } {
  const [, name = '', raw] = /^\s*(?:export\s+)?([^=]*?)\s*(?:=([^]*))?$/.exec(entry) ?? []
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Unreadable(`"${name.slice(0, 40)}" is not the name of a variable`)
  if (raw === undefined) throw new Unreadable(`${name} has no value: write ${name}= for an empty one`)
  return { name, value: readValue(raw.trimStart(), above) }
}

function readValue(raw: string, above: ReadonlyMap<string, string>): string {
  if (raw.startsWith("'")) {
    const [, text = '', rest = ''] = /^'([^']*)'([^]*)$/.exec(raw) ?? unclosed('single')
    return alone(text, rest)
  }
  if (raw.startsWith('"')) {
    const [, text = '', rest = ''] = /^"((?:[^"\\]|\\[^])*)"([^]*)$/.exec(raw) ?? unclosed('double')
    return alone(unquoted(text, above), rest)
  }
  const [text = '', rest = ''] = /^([^\s#]*)([^]*)$/.exec(raw)?.slice(1) ?? []
  if (/["']/.test(text)) throw new Unreadable('a quote stands within the value: put quotes around all of it')
  return alone(resolved(text, above), rest)
}

function unclosed(kind: string): never {
  throw new Unreadable(`the ${kind} quotes are not closed`)
}

/** Only a comment may follow a value. */
function alone(value: string, rest: string): string {
  if (!/^\s*(?:#[^]*)?$/.test(rest)) throw new Unreadable('more follows after the value: put double quotes around all of it')
  return value
}

const escapes: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', $: '$', n: '\n', r: '\r', t: '\t', f: '\f', v: '\v' }

/** The text within double quotes; an escaped dollar begins no name. */
function unquoted(text: string, above: ReadonlyMap<string, string>): string {
  return text
    .split(/(\\[^])/)
    .map((part, index) => (index % 2 === 0 ? resolved(part, above) : escaped(part)))
    .join('')
}

function escaped(sequence: string): string {
  const character = escapes[sequence.slice(1)]
  if (character === undefined) throw new Unreadable(`${sequence} is not an escape: write two backslashes for one`)
  return character
}

function resolved(text: string, above: ReadonlyMap<string, string>): string {
  return text.replace(/\$\{([A-Za-z0-9_.]+)\}/g, (_, name: string) => {
    const value = above.get(name)
    if (value === undefined) throw new Unreadable(`\${${name}} is not set above this line`)
    return value
  })
}
