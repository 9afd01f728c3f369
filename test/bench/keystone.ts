import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '@temporalio/client'
import { connectTemporal } from '../../drivers/temporal/connect.ts'
import { type ApiClient, createApiClient } from '../../stack/demo/client.ts'
import type { Ports } from '../../stack/ports.ts'
import { runningDatabase } from '../../stack/postgres/server.ts'
import { type HistoryReader, historyReader } from './history.ts'
import { freePort } from '../setup/free-port.ts'
import { startStack } from '../stack/stack-process.ts'

/** What the worker has done since its start. */
export interface WorkerCounts {
  handshakes: number
  roundTrips: number
  sqlQueries: number
}

/** `npm start` on data of its own, as a user has it: embedded Postgres with its durability, Temporal with its file. */
export interface BenchKeystone {
  client: ApiClient
  apiUrl: string
  histories: HistoryReader
  temporal: Client
  dataDir: string
  databaseUrl: string
  workerCounts(): Promise<WorkerCounts>
  stop(): Promise<void>
}

export async function startKeystone(): Promise<BenchKeystone> {
  const folder = await mkdtemp(join(tmpdir(), 'keystone-bench-'))
  const dataDir = join(folder, 'data')
  await mkdir(dataDir, { mode: 0o700 })
  await writeFile(join(dataDir, 'ports.json'), JSON.stringify(await unusualPorts()))
  const stack = startStack(dataDir)
  await stack.line('Keystone is ready')
  const token = /ks_\S+/.exec(await stack.line("owner's token"))?.[0] ?? ''
  const ports: Ports = JSON.parse(await readFile(join(dataDir, 'ports.json'), 'utf8'))
  const target = { address: `127.0.0.1:${ports.temporal}`, namespace: 'default', apiKey: null, tls: null }
  const temporal = connectTemporal(target)
  const database = await runningDatabase({ folder: join(dataDir, 'postgres'), port: ports.postgres })
  const apiUrl = `http://127.0.0.1:${ports.api}`
  return {
    client: createApiClient(apiUrl, token),
    apiUrl,
    histories: historyReader(temporal.client),
    temporal: temporal.client,
    dataDir,
    databaseUrl: database.reveal(),
    workerCounts: () => countsAt(`http://127.0.0.1:${ports.workerMetrics}/metrics`),
    async stop() {
      await temporal.connection.close()
      stack.process.kill('SIGINT')
      await stack.ended
      const postgres = await realpath(join(dataDir, 'postgres'))
      await rm(postgres, { recursive: true, force: true })
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Somebody's own Keystone, started meanwhile, finds the usual ones free. */
async function unusualPorts(): Promise<Ports> {
  const [api, workerMetrics, postgres, temporal, temporalUi] = [await freePort(), await freePort(), await freePort(), await freePort(), await freePort()]
  return { api, workerMetrics, postgres, temporal, temporalUi }
}

/** Reads the metrics of the worker that answers there. */
export async function countsAt(url: string): Promise<WorkerCounts> {
  const text = await (await fetch(url)).text()
  const of = (name: string) => Number(new RegExp(`^keystone_worker_${name}_total (\\S+)$`, 'm').exec(text)?.[1])
  return { handshakes: of('ssh_handshakes'), roundTrips: of('ssh_round_trips'), sqlQueries: of('sql_queries') }
}
