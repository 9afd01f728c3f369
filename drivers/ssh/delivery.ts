import { SshError } from './errors.ts'
import type { Lane } from './lane.ts'

/** The exit code by which the remote scripts say that somebody else is at the same step. */
const busyExitCode = 75
/** The exit code by which they say that the server shuts down, when systemd starts nothing any more. */
const stoppingExitCode = 69

/** The shell's exit codes beyond this one tell the signal. */
const endedBySignal = 128

const diagnosticsBytes = 1024

/** The end of what a remote script of ours said, for the message that a person reads. */
function createDiagnostics() {
  let tail = Buffer.alloc(0)
  return {
    add: (bytes: Buffer) => {
      tail = Buffer.concat([tail, bytes]).subarray(-diagnosticsBytes)
    },
    text: () => tail.toString('utf8').trim(),
  }
}

/** The failure of one of Keystone's own remote scripts, as opposed to a step's exit code. */
export function scriptFailure(server: string, doing: string, exitCode: number, diagnostics: string): SshError {
  if (exitCode === busyExitCode) {
    return new SshError('busy', server, `cannot ${doing}: another session is starting or stopping the same step`)
  }
  if (exitCode === stoppingExitCode) return new SshError('server_stopping', server, `cannot ${doing} while the server shuts down`)
  if (exitCode > endedBySignal) return new SshError('connection_lost', server, `the session that was to ${doing} was killed there (exit code ${exitCode})`)
  return new SshError('launch_failed', server, `cannot ${doing} (exit code ${exitCode}): ${diagnostics}`)
}

interface Delivery {
  /** For people, after `cannot`. */
  doing: string
  commandLine: string
  parcel: Buffer
  signal?: AbortSignal | undefined
}

/** Sends a parcel whose script only succeeds or fails. Throws SshErrors. */
export async function deliver(lane: Lane, { doing, commandLine, parcel, signal }: Delivery): Promise<void> {
  const process = await lane.start(commandLine, signal)
  process.sendLast(parcel)
  const diagnostics = createDiagnostics()
  const exitCode = await process.read((stream, bytes) => {
    if (stream === 'stderr') diagnostics.add(bytes)
  })
  if (exitCode !== 0) throw scriptFailure(lane.server, doing, exitCode, diagnostics.text())
}
