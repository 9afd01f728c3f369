import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureOwner } from '../../db/owner.ts'
import { ensureKeyFile } from '../../drivers/secrets/key-file.ts'
import { type ApiClient, createApiClient } from '../../stack/demo/client.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'
import { authorityFile } from '../lab/authority.ts'
import { freePort } from '../setup/free-port.ts'
import { createTestTemporal, type TestTemporal } from '../temporal.ts'
import { createProgram, type Program } from './program.ts'

/** What the worker has done since its start. */
export interface WorkerCounts {
  sshHandshakes: number
  roundTrips: number
  sqlQueries: number
}

/** The whole of Keystone as it runs in production: API and worker as processes of their own, a database, a namespace. */
export interface TestKeystone {
  client: ApiClient
  apiUrl: string
  api: Program
  worker: Program
  database: TestDatabase
  temporal: TestTemporal
  keyFile: string
  /** Empty where Docker Hub itself is asked. */
  dockerHubMirror: string
  /** Secrets of this installation, by name. */
  secrets: { ownerToken: string; databaseUrl: string }
  workerCounts(): Promise<WorkerCounts>
  stop(): Promise<void>
}

interface KeystoneOptions {
  /** False leaves the worker to the test. */
  hasWorker?: boolean
  /** Asked for domains, instead of this machine's. */
  dnsServer?: string
  /** Asked for images, instead of Docker Hub. */
  dockerHubMirror?: string
  /** Where machines are bought, instead of Hetzner Cloud. */
  hetznerEndpoint?: string
}

export async function startKeystone({ hasWorker = true, dnsServer = '', dockerHubMirror = '', hetznerEndpoint = '' }: KeystoneOptions = {}): Promise<TestKeystone> {
  const folder = await mkdtemp(join(tmpdir(), 'keystone-e2e-'))
  const keyFile = join(folder, 'keys.json')
  const [database, temporal] = await Promise.all([createTestDatabase(), createTestTemporal(), ensureKeyFile(keyFile)])
  const token = await ensureOwner(database.db)
  if (!token) throw new Error('the test database has an owner already')
  const [apiPort, workerPort] = [await freePort(), await freePort()]
  const env = {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: temporal.target.address,
    TEMPORAL_NAMESPACE: temporal.target.namespace,
    KEYSTONE_KEY_FILE: keyFile,
    NODE_EXTRA_CA_CERTS: await authorityFile(),
    KEYSTONE_API_PORT: String(apiPort),
    KEYSTONE_DNS_SERVERS: dnsServer,
    KEYSTONE_DOCKER_HUB_MIRROR: dockerHubMirror,
    KEYSTONE_HETZNER_ENDPOINT: hetznerEndpoint,
    KEYSTONE_WORKER_METRICS_PORT: String(workerPort),
  }
  const apiUrl = `http://127.0.0.1:${apiPort}`
  const workerUrl = `http://127.0.0.1:${workerPort}`
  const api = createProgram('api/server.ts', { env, url: apiUrl })
  const worker = createProgram('worker.ts', { env, url: workerUrl })
  await Promise.all([api.start(), hasWorker ? worker.start() : null])
  return {
    ...{ apiUrl, api, worker, database, temporal, keyFile, dockerHubMirror },
    client: createApiClient(apiUrl, token.reveal()),
    secrets: { ownerToken: token.reveal(), databaseUrl: database.url },
    async workerCounts() {
      const text = await (await fetch(`${workerUrl}/metrics`)).text()
      const of = (name: string) => Number(new RegExp(`^keystone_worker_${name}_total (\\S+)$`, 'm').exec(text)?.[1])
      return { sshHandshakes: of('ssh_handshakes'), roundTrips: of('ssh_round_trips'), sqlQueries: of('sql_queries') }
    },
    async stop() {
      await Promise.all([api.end('SIGTERM'), worker.end('SIGTERM')])
      await Promise.all([temporal.close(), database.close(), rm(folder, { recursive: true })])
    },
  }
}
