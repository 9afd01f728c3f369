import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { styleText } from 'node:util'
import { CliError, exitCodes } from './errors.ts'
import type { Environment } from './settings.ts'

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold'
export type Paint = (colour: Colour, text: string) => string

/** Text as it is. */
export const plain: Paint = (_, text) => text

/** What people see and type. */
export interface Terminal {
  /** Whether standard output can be drawn on. */
  isLive: boolean
  paint: Paint
  size(): { columns: number; rows: number }
  /** A line from standard input, which is not shown where `isSecret`; the question only where a person is there to see it. */
  ask(question: string, options?: { isSecret?: boolean }): Promise<string>
  /** Everything from standard input. */
  input(): Promise<string>
}

interface Streams {
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
}

/** Colour and drawing are for terminals that want them (https://no-color.org, TERM=dumb). */
export function createTerminal({ stdin, stdout, stderr }: Streams, env: Environment): Terminal {
  const isLive = stdout.isTTY && env.TERM !== 'dumb'
  return {
    isLive,
    paint: isLive && !env.NO_COLOR ? styleText : plain,
    size: () => ({ columns: stdout.columns, rows: stdout.rows }),
    async ask(question, { isSecret = false } = {}) {
      const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
      if (stdin.isTTY) stderr.write(question)
      const lines = createInterface({ input: stdin, output: isSecret || !stdin.isTTY ? silent : stderr, terminal: stdin.isTTY })
      const answer = await new Promise<string>((resolve, reject) => {
        lines.once('line', resolve)
        lines.once('SIGINT', () => reject(new CliError(exitCodes.interrupted, 'Interrupted.')))
        lines.once('close', () => resolve(''))
      }).finally(() => lines.close())
      if (isSecret && stdin.isTTY) stderr.write('\n')
      return answer
    },
    async input() {
      let text = ''
      for await (const chunk of stdin.setEncoding('utf8')) text += chunk
      return text
    },
  }
}
