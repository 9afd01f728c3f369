import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keystoneProcess } from '../../../stack/keystone.ts'
import type { ProcessSpec } from '../../../stack/supervision/process.ts'
import { freePort } from '../../setup/free-port.ts'
import { until } from '../../lab/until.ts'
import { processesOf } from '../../stack/stack-process.ts'
import { countsAt } from '../keystone.ts'

/** What a worker process has come to; of one that was killed it stays what was read last. */
export interface WorkerReading {
  /** The most memory that it ever had resident, MiB. */
  peakMb: number
  sqlQueries: number
}

/** The worker that `npm start` keeps alive, and a second one that nobody starts again. */
export interface Workers {
  /** What both are configured with. */
  env: NodeJS.ProcessEnv
  readings(): Promise<[WorkerReading, WorkerReading]>
  /** SIGKILL: it has no time to tell anybody. */
  killSecond(): Promise<void>
  stop(): Promise<void>
}

/** Starts the second worker beside the one of the stack whose data lies in `dataDir`, exactly as that was started. */
export async function openWorkers(dataDir: string): Promise<Workers> {
  const { worker } = await processesOf(dataDir)
  if (!worker) throw new Error('the stack has no worker')
  const env = await environmentOf(worker.pid)
  const port = await freePort()
  const spec = keystoneProcess('worker', { ...env, KEYSTONE_WORKER_METRICS_PORT: String(port) }, `http://127.0.0.1:${port}`)
  const second = await startSecond(spec, dataDir)
  await until('the second worker', () => spec.isReady(second.pid ?? 0))
  const first = reader(worker.pid, env.KEYSTONE_WORKER_METRICS_PORT)
  const other = reader(second.pid, String(port))
  return {
    env,
    async readings() {
      const now = (await processesOf(dataDir)).worker
      if (now?.pid !== worker.pid) throw new Error(`the worker of the stack has ended; its log is below ${dataDir}`)
      return Promise.all([first(), other()])
    },
    async killSecond() {
      await other()
      await ended(second, 'SIGKILL')
    },
    stop: () => ended(second, 'SIGTERM'),
  }
}

async function startSecond({ argv: [command = '', ...rest], cwd, env }: ProcessSpec, dataDir: string): Promise<ChildProcess> {
  const log = await open(join(dataDir, 'logs', 'second-worker.log'), 'a', 0o600)
  try {
    return spawn(command, rest, { cwd, env, stdio: ['ignore', log.fd, log.fd] })
  } finally {
    await log.close()
  }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill(signal)
  await exit
}

/** Reads a worker again and again; the last reading stays when it has gone. */
function reader(pid: number | undefined, port: string | undefined): () => Promise<WorkerReading> {
  let last: WorkerReading = { peakMb: 0, sqlQueries: 0 }
  return async () => {
    try {
      const status = await readFile(`/proc/${pid}/status`, 'utf8')
      const { sqlQueries } = await countsAt(`http://127.0.0.1:${port}/metrics`)
      last = { peakMb: Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024, sqlQueries }
    } catch {
      // It has been killed, or is too busy to answer: there will be another reading, or none any more.
    }
    return last
  }
}

async function environmentOf(pid: number): Promise<NodeJS.ProcessEnv> {
  const entries = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0').filter((entry) => entry !== '')
  return Object.fromEntries(entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]))
}
