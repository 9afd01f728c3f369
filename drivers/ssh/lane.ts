import { openConnection, type Connection, type Counts, type PoolTimings } from './connection.ts'
import type { RemoteProcess } from './process.ts'
import type { ServerTarget } from './remote.ts'

/** The way to one server: a connection that is opened when needed and shared by all callers. */
export interface Lane {
  /** The server's name, for messages. */
  server: string
  /** Whether a command must ask for root first. */
  needsSudo: boolean
  /** Runs a command line. Throws SshErrors, or the signal's reason when aborted. */
  start(commandLine: string, signal?: AbortSignal): Promise<RemoteProcess>
  /** The next command opens a connection of its own. */
  renew(): void
  close(): Promise<void>
}

export function createLane(target: ServerTarget, timings: PoolTimings, counts: Counts): Lane {
  const all = new Set<Connection>()
  let current: Connection | null = null
  const shared = (): Connection => {
    if (current) return current
    const opened = openConnection(target, timings, counts, () => {
      if (current === opened) current = null
    })
    current = opened
    all.add(opened)
    void opened.closed.then(() => all.delete(opened))
    return opened
  }
  return {
    server: target.name,
    needsSudo: target.user !== 'root',
    async start(commandLine, signal) {
      signal?.throwIfAborted()
      for (;;) {
        const process = await shared().start(commandLine, signal)
        if (process) return process
      }
    },
    renew() {
      current = null
    },
    async close() {
      await Promise.all([...all].map((connection) => connection.close()))
    },
  }
}
