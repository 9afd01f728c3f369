import { once } from 'node:events'
import { createServer } from 'node:http'
import { Counter, collectDefaultMetrics, Registry } from 'prom-client'

/** Counted since the start of the process. */
export interface WorkerCounts {
  handshakes: number
  roundTrips: number
  sqlQueries: number
}

/** What is asked of the worker. */
export interface Monitored {
  counts(): WorkerCounts
  /** Whether it polls for work. */
  isReady(): boolean
}

/** `close` ends open connections too. */
export interface Monitor {
  close(): Promise<void>
}

/**
 * Answers /healthz, /readyz (503 while the worker does not poll) and /metrics (text format of Prometheus) for supervisors.
 * Throws when the port is taken.
 */
export async function startMonitor({ host, port }: { host: string; port: number }, worker: Monitored): Promise<Monitor> {
  const register = createRegister(worker)
  const server = createServer(async ({ url }, response) => {
    const isReady = worker.isReady()
    if (url === '/metrics') response.setHeader('content-type', register.contentType).end(await register.metrics())
    else if (url === '/healthz') response.end('ok\n')
    else if (url === '/readyz') response.writeHead(isReady ? 200 : 503).end(isReady ? 'ready\n' : 'not polling\n')
    else response.writeHead(404).end('/healthz, /readyz or /metrics\n')
  })
  server.listen(port, host)
  await once(server, 'listening')
  return {
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const counters: Record<string, { help: string; of: (counts: WorkerCounts) => number }> = {
  keystone_worker_ssh_handshakes_total: { help: 'Connections made to servers.', of: (counts) => counts.handshakes },
  keystone_worker_ssh_round_trips_total: {
    help: 'Commands, uploads and steps sent to servers.',
    of: (counts) => counts.roundTrips,
  },
  keystone_worker_sql_queries_total: { help: 'Statements sent to Postgres.', of: (counts) => counts.sqlQueries },
}

function createRegister({ counts }: Monitored): Registry {
  const register = new Registry()
  collectDefaultMetrics({ register })
  for (const [name, { help, of }] of Object.entries(counters)) {
    new Counter({
      name,
      help,
      registers: [register],
      collect() {
        this.reset()
        this.inc(of(counts()))
      },
    })
  }
  return register
}
