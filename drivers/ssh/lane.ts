import type { Client } from 'ssh2'
import { unlessAborted } from './abort.ts'
import { connect, type ConnectionTimings } from './connect.ts'
import { openProcess, type RemoteProcess } from './process.ts'
import type { ServerTarget } from './remote.ts'
import { createSlots } from './slots.ts'

/** Below OpenSSH's MaxSessions of 10. */
const channelsPerConnection = 8

export interface LaneTimings extends ConnectionTimings {
  idleCloseSeconds: number
}

/** The way to one server: a connection that is opened when needed, shared by all callers, and closed when idle. */
export interface Lane {
  /** The server's name, for messages. */
  server: string
  /** Whether a command must ask for root first. */
  needsSudo: boolean
  /** Runs a command line; waits for a free channel. Throws SshErrors, or the signal's reason when aborted. */
  start(commandLine: string, signal?: AbortSignal): Promise<RemoteProcess>
  close(): Promise<void>
}

export function createLane(target: ServerTarget, timings: LaneTimings, counts: { handshakes: number; roundTrips: number }): Lane {
  let connection: Promise<Client> | null = null
  let idleTimer: NodeJS.Timeout | undefined

  const hangUp = () => {
    void connection?.then((client) => client.end(), () => {})
    connection = null
  }
  const slots = createSlots(channelsPerConnection, () => {
    idleTimer = setTimeout(hangUp, timings.idleCloseSeconds * 1000).unref()
  })

  /** Callers who come while the handshake is under way share it; a connection that ended is forgotten, so that the next call opens another. */
  const shared = (): Promise<Client> => {
    if (connection) return connection
    const opening = connect(target, timings)
    const forget = () => {
      if (connection === opening) connection = null
    }
    connection = opening
    opening.then((client) => {
      counts.handshakes += 1
      client.once('close', forget)
    }, forget)
    return opening
  }

  return {
    server: target.name,
    needsSudo: target.user !== 'root',
    async start(commandLine, signal) {
      signal?.throwIfAborted()
      const leave = await slots.take(signal)
      clearTimeout(idleTimer)
      try {
        const client = await unlessAborted(shared(), signal)
        counts.roundTrips += 1
        return await openProcess({ server: target.name, client, commandLine, signal, onClose: leave })
      } catch (failed) {
        leave()
        throw failed
      }
    },
    async close() {
      clearTimeout(idleTimer)
      const client = await connection?.catch(() => null)
      if (!client) return
      await new Promise<void>((resolve) => client.once('close', resolve).destroy())
    },
  }
}
