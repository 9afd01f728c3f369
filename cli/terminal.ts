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
  /** Whether a person is there to answer. */
  isAttended: boolean
  paint: Paint
  size(): { columns: number; rows: number }
  /** A line from standard input, which is not shown where `isSecret`; the question only where a person is there to see it. */
  ask(question: string, options?: { isSecret?: boolean }): Promise<string>
  /** Everything from standard input. */
  input(): Promise<string>
  /** The next Ctrl-C does this instead of ending the program; the one after it ends it. Returns the function that takes it back. */
  onInterrupt(act: () => void): () => void
}

interface Process {
  once(signal: 'SIGINT', act: () => void): unknown
  off(signal: 'SIGINT', act: () => void): unknown
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
}

/** Colour and drawing are for terminals that want them (https://no-color.org, TERM=dumb). */
export function createTerminal(program: Process, env: Environment): Terminal {
  const { stdin, stdout, stderr } = program
  const isLive = stdout.isTTY && env.TERM !== 'dumb'
  return {
    isLive,
    isAttended: isLive && stdin.isTTY,
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
    onInterrupt(act) {
      program.once('SIGINT', act)
      return () => void program.off('SIGINT', act)
    },
  }
}
