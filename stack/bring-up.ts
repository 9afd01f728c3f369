import { join } from 'node:path'
import type { StackConfig, TemporalConfig } from '../config.ts'
import type { Secret } from '../domain/secret.ts'
import { keystoneProcess, urlOf } from './keystone.ts'
import type { Ports } from './ports.ts'
import { runPostgres } from './postgres/server.ts'
import { prepareDatabase, prepareTemporal } from './preparation.ts'
import type { Say } from './say.ts'
import type { Supervisor } from './supervision/supervisor.ts'
import { runTemporal } from './temporal-server.ts'

/** What a stack is brought up from; its data lies in `folder`. */
interface Stack {
  config: StackConfig
  env: NodeJS.ProcessEnv
  folder: string
  ports: Ports
  supervisor: Supervisor
  say: Say
}

/** A Keystone that is up: the address of its API, and its database. */
export interface Keystone {
  url: string
  databaseUrl: Secret
}

/** The API takes wishes while Temporal is still on its way; the first time that may be minutes. */
export async function bringUp(stack: Stack): Promise<Keystone> {
  const { config, ports, supervisor, say } = stack
  const temporal = temporalOf(config, ports)
  const url = urlOf(config.api.host, ports.api)
  const [{ env, databaseUrl }] = await Promise.all([runApi(stack, temporal, url), provideTemporal(stack, temporal)])
  await supervisor.run(keystoneProcess('worker', env, urlOf(config.workerMetricsHost, ports.workerMetrics)))
  say('The worker is up: Keystone is ready. Ctrl-C ends it')
  sayWhere(url, temporal.webUrl, say)
  return { url, databaseUrl }
}

function temporalOf({ temporal }: StackConfig, ports: Ports): TemporalConfig {
  if (temporal.address !== null) return { ...temporal, address: temporal.address }
  const embedded = { apiKey: null, tls: null, webUrl: `http://127.0.0.1:${ports.temporalUi}` }
  return { namespace: temporal.namespace, ...embedded, address: `127.0.0.1:${ports.temporal}` }
}

interface RunningApi {
  /** The environment of its process, which is the worker's too. */
  env: NodeJS.ProcessEnv
  databaseUrl: Secret
}

async function runApi(stack: Stack, temporal: TemporalConfig, url: string): Promise<RunningApi> {
  const { config, folder, ports, supervisor, say } = stack
  const embedded = { folder: join(folder, 'postgres'), port: ports.postgres }
  const databaseUrl = config.databaseUrl ?? (await runPostgres(supervisor, embedded))
  const keyFile = config.keyFile ?? join(folder, 'keys.json')
  await prepareDatabase(databaseUrl, keyFile, say)
  const env = keystoneEnvironment(stack, { databaseUrl, keyFile, temporal })
  await supervisor.run(keystoneProcess('api', env, url))
  say(`The API is up: ${url}`)
  return { env, databaseUrl }
}

function keystoneEnvironment(
  { env, ports }: Stack,
  { databaseUrl, keyFile, temporal }: { databaseUrl: Secret; keyFile: string; temporal: TemporalConfig },
): NodeJS.ProcessEnv {
  return {
    ...env,
    DATABASE_URL: databaseUrl.reveal(),
    TEMPORAL_ADDRESS: temporal.address,
    KEYSTONE_TEMPORAL_WEB_URL: temporal.webUrl ?? '',
    KEYSTONE_KEY_FILE: keyFile,
    KEYSTONE_API_PORT: String(ports.api),
    KEYSTONE_WORKER_METRICS_PORT: String(ports.workerMetrics),
  }
}

async function provideTemporal({ config, env, folder, ports, supervisor, say }: Stack, temporal: TemporalConfig): Promise<void> {
  const server = { search: config.temporalCli, folder: join(folder, 'temporal'), ports, temporal, env }
  if (config.temporal.address === null) await runTemporal(supervisor, server, say)
  await prepareTemporal(temporal)
  say(`Temporal is up: ${temporal.webUrl ?? temporal.address}`)
}

function sayWhere(api: string, webUrl: string | null, say: Say): void {
  say(`  API           ${api}`)
  say(`  Documentation ${api}/docs`)
  if (webUrl) say(`  Temporal      ${webUrl}`)
}
