import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import { unlessAborted } from './abort.ts'
import { connectionLost, SshError } from './errors.ts'

export type ProcessStream = 'stdout' | 'stderr'

/** One remote process on its channel. `read` must be called; it rejects with the signal's reason as soon as that is aborted. */
export interface RemoteProcess {
  /** Sends input and leaves stdin open: the process can tell by its end that nobody listens any more. */
  send(bytes: Buffer): void
  /** Sends input and closes stdin. */
  sendLast(bytes: Buffer | string): void
  /** Hands the bytes of both streams to `take`, one call at a time (back-pressure); resolves with the exit code. */
  read(take: (stream: ProcessStream, bytes: Buffer) => void | Promise<void>): Promise<number>
  /** Gives the process up: `read` rejects with the error at once and the channel is closed. */
  abandon(error: unknown): void
}

interface Opening {
  server: string
  client: Client
  commandLine: string
  signal: AbortSignal | undefined
  /** Nothing more comes from the channel; called once or twice. */
  onClose: () => void
  /** The process was given up, but may still count among the server's sessions. */
  onAbandon: () => void
}

/** Starts a process on a channel of its own. Throws SshErrors `connection_lost` and `channel_refused`, or the signal's reason. */
export async function openProcess(opening: Opening): Promise<RemoteProcess> {
  // The server may still count channels that were just closed. When it refuses it has forgotten them: a second refusal is real.
  const opened = openChannel(opening).catch((refusal) => isRefusal(refusal) ? openChannel(opening) : Promise.reject(refusal))
  return unlessAborted(opened, opening.signal)
}

export function isRefusal(error: unknown): boolean {
  return error instanceof SshError && error.code === 'channel_refused'
}

/** The listeners must be there when ssh2 calls back: the exit code may come in the same packet. */
function openChannel(opening: Opening): Promise<RemoteProcess> {
  const { client, server } = opening
  return new Promise((resolve, reject) => {
    const lost = () => reject(connectionLost(server))
    client.once('close', lost)
    const refused = 'it opens no further SSH channel: check MaxSessions in its sshd_config and its number of processes'
    try {
      client.exec(opening.commandLine, (cause, channel) => {
        client.off('close', lost)
        if (cause) reject(new SshError('channel_refused', server, refused, { cause }))
        else resolve(processOn(channel, opening))
      })
    } catch {
      lost()
    }
  })
}

function processOn(channel: ClientChannel, opening: Opening): RemoteProcess {
  const { signal } = opening
  const exit = exitOf(channel, opening)
  let abandoned = false
  const abandon = (error: unknown) => {
    abandoned = true
    exit.reject(error)
    channel.close()
    channel.resume()
    channel.stderr.resume()
    opening.onAbandon()
  }
  const onAbort = () => abandon(signal?.reason)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  channel.once('close', () => signal?.removeEventListener('abort', onAbort))
  /** Goes on reading after `abandon`: ssh2 frees a channel only when its streams have been read to the end. */
  const drain = async (readable: Readable, take: (bytes: Buffer) => Promise<void>) => {
    for await (const bytes of readable) {
      if (!abandoned) await take(bytes).catch(abandon)
    }
  }
  return {
    send: (bytes) => void channel.write(bytes),
    sendLast: (bytes) => void channel.end(bytes),
    abandon,
    async read(take) {
      let turn = Promise.resolve()
      const inTurn = (stream: ProcessStream) => (bytes: Buffer) => {
        turn = turn.then(() => abandoned ? undefined : take(stream, bytes))
        return turn
      }
      const [code] = await Promise.all([
        exit.promise,
        drain(channel, inTurn('stdout')),
        drain(channel.stderr, inTurn('stderr')),
      ])
      return code
    },
  }
}

/** By the shell's convention: 128 + the number of the signal that ended it. */
function signalExitCode(name: string): number {
  return 128 + (Object.entries(constants.signals).find(([signal]) => signal === name)?.[1] ?? 0)
}

/** A connection that ends before the channel was closed may have swallowed output, even if the exit code has come already. */
function exitOf(channel: ClientChannel, { server, client, onClose }: Opening) {
  const exit = deferred<number>()
  let exitCode: number | null = null
  const lost = () => {
    exit.reject(connectionLost(server))
    onClose()
  }
  channel.on('exit', (code: number | null, signal?: string) => {
    exitCode = code ?? signalExitCode(signal ?? '')
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
