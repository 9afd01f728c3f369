import type { Readable } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import { unlessAborted } from './abort.ts'
import { SshError } from './errors.ts'

export type ProcessStream = 'stdout' | 'stderr'

/** One remote process on its channel. `read` must be called; it rejects with the signal's reason as soon as that is aborted. */
export interface RemoteProcess {
  /** Sends all of the process's input. */
  stdin(bytes: Buffer | string): void
  /** Hands the bytes of both streams to `take`, one call at a time (back-pressure); resolves with the exit code. */
  read(take: (stream: ProcessStream, bytes: Buffer) => void | Promise<void>): Promise<number>
  /** Gives the process up: `read` rejects with the error at once and the channel is closed. What runs remotely is not stopped. */
  abandon(error: unknown): void
}

interface Opening {
  server: string
  client: Client
  commandLine: string
  signal: AbortSignal | undefined
  /** The channel is free again; called once. */
  onClose(): void
}

/** Starts a process on a channel of its own. Throws SshErrors `connection_lost` and `channel_refused`, or the signal's reason. */
export async function openProcess({ server, client, commandLine, signal, onClose }: Opening): Promise<RemoteProcess> {
  const opening = openOn(server, client, commandLine, onClose)
  const process = await unlessAborted(opening, signal).catch((failed) => {
    void opening.then((late) => discard(late, failed), () => {})
    throw failed
  })
  const onAbort = () => process.abandon(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  return process
}

/** The listeners must be there when ssh2 calls back: the exit code may come in the same packet. */
function openOn(server: string, client: Client, commandLine: string, onClose: () => void): Promise<RemoteProcess> {
  return new Promise((resolve, reject) => {
    const lost = () => reject(connectionLost(server))
    client.once('close', lost)
    const refused = 'it opens no further SSH channel: check MaxSessions in its sshd_config and its number of processes'
    try {
      client.exec(commandLine, (cause, channel) => {
        client.off('close', lost)
        if (cause) reject(new SshError('channel_refused', server, refused, { cause }))
        else resolve(processOn(server, client, channel, onClose))
      })
    } catch {
      lost()
    }
  })
}

function processOn(server: string, client: Client, channel: ClientChannel, onClose: () => void): RemoteProcess {
  const exit = exitOf(server, client, channel, onClose)
  let abandoned = false
  const abandon = (error: unknown) => {
    abandoned = true
    exit.reject(error)
    channel.close()
  }
  /** Goes on reading after `abandon`: ssh2 frees a channel only when its streams have been read to the end. */
  const drain = async (readable: Readable, take: (bytes: Buffer) => Promise<void>) => {
    for await (const bytes of readable) {
      if (!abandoned) await take(bytes).catch(abandon)
    }
  }
  return {
    stdin: (bytes) => channel.end(bytes),
    abandon,
    async read(take) {
      let turn = Promise.resolve()
      const inTurn = (stream: ProcessStream) => (bytes: Buffer) => (turn = turn.then(() => abandoned ? undefined : take(stream, bytes)))
      const [code] = await Promise.all([
        exit.promise,
        drain(channel, inTurn('stdout')),
        drain(channel.stderr, inTurn('stderr')),
      ])
      return code
    },
  }
}

function discard(process: RemoteProcess, error: unknown): void {
  process.abandon(error)
  process.read(() => {}).catch(() => {})
}

/** Exit codes of processes that a signal ended, by the shell's convention of 128 + number. */
const signalExitCodes: Readonly<Record<string, number>> = { HUP: 129, INT: 130, QUIT: 131, ABRT: 134, KILL: 137, SEGV: 139, PIPE: 141, TERM: 143 }

/** A connection that ends before the channel was closed may have swallowed output, even if the exit code has come already. */
function exitOf(server: string, client: Client, channel: ClientChannel, onClose: () => void) {
  const exit = deferred<number>()
  let exitCode: number | null = null
  const lost = () => {
    exit.reject(connectionLost(server))
    onClose()
  }
  channel.on('exit', (code: number | null, signal?: string) => {
    exitCode = code ?? signalExitCodes[signal ?? ''] ?? 128
  })
  client.once('close', lost)
  channel.once('close', () => {
    client.off('close', lost)
    if (exitCode === null) exit.reject(connectionLost(server))
    else exit.resolve(exitCode)
    onClose()
  })
  return exit
}

export function connectionLost(server: string, cause?: unknown): SshError {
  return new SshError('connection_lost', server, 'the SSH connection broke off; what runs there goes on', { cause })
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (reason: unknown) => void = () => {}
  const promise = new Promise<T>((onValue, onReason) => {
    resolve = onValue
    reject = onReason
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}
