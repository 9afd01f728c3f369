import { Secret } from '../../domain/secret.ts'
import { SshError } from './errors.ts'
import type { Lane } from './lane.ts'
import { quote } from './quote.ts'
import type { CommandOptions, CommandResult, Following } from './remote.ts'

/** Runs argv and collects its output. Throws a SshError `timeout` when it takes longer than `timeoutSeconds`. */
export async function runCommand(lane: Lane, argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { stdin = '', timeoutSeconds, signal } = options
  const process = await lane.start(quote(argv), signal)
  const timer = timeoutSeconds === undefined ? undefined : setTimeout(() => {
    process.abandon(new SshError('timeout', lane.server, `${argv[0]} gave no answer within ${timeoutSeconds} s`))
  }, timeoutSeconds * 1000)
  process.sendLast(stdin instanceof Secret ? stdin.reveal() : stdin)
  const output: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] }
  try {
    const exitCode = await process.read((stream, bytes) => void output[stream].push(bytes))
    return { exitCode, stdout: text(output.stdout), stderr: text(output.stderr) }
  } finally {
    clearTimeout(timer)
  }
}

/** Runs argv and hands on its output as it comes. Throws SshErrors, or the signal's reason. */
export async function followCommand(lane: Lane, argv: readonly string[], { onOutput, signal }: Following): Promise<number> {
  const process = await lane.start(quote(argv), signal)
  return process.read((stream, bytes) => (stream === 'stdout' ? onOutput(bytes) : undefined))
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8')
}
