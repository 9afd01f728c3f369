import { readFileSync } from 'node:fs'
import { expectThat, Violation } from './violation.ts'

/** The text of one of the scripts that Keystone sends along. */
export const remoteScript = (name: string): string => readFileSync(new URL(`../../../../drivers/ssh/remote/${name}`, import.meta.url), 'utf8')

const bootstrap = remoteScript('bootstrap.sh')

/** What bootstrap.sh is told: the size of the parcel behind it, and the arguments of its main script. */
export interface Call {
  parcelBytes: number
  hash: string
  order: string
  name: string
  user: string
  /** How far its caller has the output; nothing where the main script does not follow a step. */
  stored: { run: number; out: number; err: number }
}

/** Reads the command line of a parcel as sshd and bash would. Throws a Violation on everything else. */
export function readCall(commandLine: string, login: string): Call {
  const argv = wordsOf(commandLine)
  const rooted = login === 'root' ? argv : withoutSudo(argv)
  const [shell, option, script, self, size, hash = '', order = '', name = '', user = '', run = '0', out = '0', err = '0'] = rooted
  expectThat(shell === '/bin/bash' && option === '-c' && script === bootstrap && self === 'keystone', `no parcel: ${commandLine.slice(0, 200)}`)
  expectThat(/^[0-9a-f]{12}$/.test(hash) && /^\d{2,}$/.test(order) && name !== '', `no step: ${rooted.slice(5).join(' ')}`)
  expectThat(user === 'keystone' || user === 'root', `no user for steps: ${user}`)
  return { parcelBytes: Number(size), hash, order, name, user, stored: { run: Number(run), out: Number(out), err: Number(err) } }
}

function withoutSudo([sudo, option, end, ...argv]: readonly string[]): string[] {
  expectThat(sudo === 'sudo' && option === '-n' && end === '--', 'the user keystone is not root and does not ask for it')
  return argv
}

const quotedWord = /'[^']*'(?:\\''[^']*')*/g
const unquoted = (word: string): string => word.slice(1, -1).replaceAll(String.raw`'\''`, "'")

/** The words of a command line as bash would read them. Throws a Violation where one is not quoted. */
export function wordsOf(commandLine: string): string[] {
  const words = commandLine.match(quotedWord) ?? []
  expectThat(words.join(' ') === commandLine, `a command line that is not quoted: ${commandLine.slice(0, 200)}`)
  return words.map(unquoted)
}

/** The variables of an inputs.sh. Throws a Violation where it has anything but assignments. */
export function readInputs(text: string): Record<string, string> {
  const assignments = [...text.matchAll(/([A-Za-z_][A-Za-z0-9_]*)=('[^']*'(?:\\''[^']*')*)\n/gy)]
  if (assignments.map(([line]) => line).join('') !== text) throw new Violation(`inputs that bash would not read: ${text.slice(0, 200)}`)
  return Object.fromEntries(assignments.map(([, name = '', value = '']) => [name, unquoted(value)]))
}
