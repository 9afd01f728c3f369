import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { Readable } from 'node:stream'
import { commandEnvironment } from './settings.ts'

export interface RunOptions {
  /** Sent to stdin, which is empty otherwise. */
  input?: string | Uint8Array | Readable
  cwd?: string
  /** Set beside this process's own environment. */
  env?: Record<string, string>
  timeoutSeconds?: number
}

/** A command that ended with another code than 0; `stderr` is all that it said. */
class CommandError extends Error {
  readonly exitCode: number | null
  readonly stderr: string

  constructor(argv: readonly string[], exitCode: number | null, output: { stdout: string; stderr: string }) {
    const said = (output.stderr || output.stdout).trim()
    super(`${argv.slice(0, 6).join(' ')} ended with ${exitCode ?? 'a signal'}:\n${said.slice(-4000)}`)
    this.exitCode = exitCode
    this.stderr = output.stderr
  }
}

/** Runs argv and returns what it printed, without the last newline. Throws a CommandError. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input = '', cwd, env, timeoutSeconds = 0 } = options
  const [command = '', ...rest] = argv
  const child = spawn(command, rest, { cwd, env: { ...commandEnvironment, ...env }, timeout: timeoutSeconds * 1000 })
  child.stdin.on('error', () => {}) // a command may end before it has read everything
  const source = input instanceof Readable ? input : Readable.from([input], { objectMode: false })
  source.pipe(child.stdin)
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  if (exitCode !== 0) throw new CommandError(argv, exitCode, { stdout, stderr })
  return stdout.replace(/\n$/, '')
}

/** Whether argv ends with 0. */
export function succeeds(argv: readonly string[], options: RunOptions = {}): Promise<boolean> {
  return run(argv, options).then(
    () => true,
    () => false,
  )
}
