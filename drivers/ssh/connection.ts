import { once } from 'node:events'
import { unlessAborted } from './abort.ts'
import { connect, type ConnectionTimings } from './connect.ts'
import { isRefusal, openProcess, type RemoteProcess } from './process.ts'
import type { ServerTarget } from './remote.ts'
import { createSlots } from './slots.ts'

/** Below OpenSSH's MaxSessions of 10. */
const channelsPerConnection = 8

export interface PoolTimings extends ConnectionTimings {
  idleCloseSeconds: number
}

/** Counted since the pool was made. */
export interface Counts {
  handshakes: number
  roundTrips: number
}

/** One connection, under way or open, and its channels. */
export interface Connection {
  /** Waits for a free channel; null when the connection has retired meanwhile. Throws SshErrors, or the signal's reason. */
  start(commandLine: string, signal: AbortSignal | undefined): Promise<RemoteProcess | null>
  /** Resolves when it has been closed, or could not be made. */
  closed: Promise<void>
  /** Closes it at once. */
  close(): Promise<void>
}

/**
 * `onEnd`: nothing may be started on it any more, for it failed, broke off, is idle, or has retired. It retires when a process
 * on it was given up (which may hang and count as a session for good) and when it refuses a channel; then it is closed as soon
 * as the others are done.
 */
export function openConnection(target: ServerTarget, timings: PoolTimings, counts: Counts, onEnd: () => void): Connection {
  const ready = connect(target, timings)
  let retired = false
  let idleTimer: NodeJS.Timeout | undefined
  const end = () => {
    retired = true
    onEnd()
    void ready.then((client) => client.end(), () => {})
  }
  const slots = createSlots(channelsPerConnection, () => {
    if (retired) end()
    else idleTimer = setTimeout(end, timings.idleCloseSeconds * 1000).unref()
  })
  const retire = () => {
    retired = true
    onEnd()
  }
  const closed = ready.then(async (client) => {
    counts.handshakes += 1
    await once(client, 'close')
  }).catch(() => {}).finally(onEnd)

  return {
    closed,
    async start(commandLine, signal) {
      const leave = await slots.take(signal)
      clearTimeout(idleTimer)
      try {
        const client = await unlessAborted(ready, signal)
        if (retired) {
          leave()
          return null
        }
        counts.roundTrips += 1
        const onAbandon = () => {
          retire()
          leave()
        }
        return await openProcess({ server: target.name, client, commandLine, signal, onClose: leave, onAbandon })
      } catch (failed) {
        if (isRefusal(failed)) retire()
        leave()
        throw failed
      }
    },
    async close() {
      clearTimeout(idleTimer)
      void ready.then((client) => client.destroy(), () => {})
      await closed
    },
  }
}
