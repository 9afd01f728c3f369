import { join } from 'node:path'
import { loadStackConfig, type StackConfig, type TemporalConfig } from '../config.ts'
import type { Secret } from '../domain/secret.ts'
import { type DataFolder, openDataFolder } from './data-folder.ts'
import { keystoneProcess, urlOf } from './keystone.ts'
import { runDemo } from './demo/demo.ts'
import { choosePorts, type Ports } from './ports.ts'
import { runPostgres } from './postgres/server.ts'
import { prepareDatabase, prepareTemporal } from './preparation.ts'
import type { Say } from './say.ts'
import { openProcessFiles } from './supervision/process-files.ts'
import { createSupervisor, type Supervisor } from './supervision/supervisor.ts'
import { runTemporal } from './temporal-server.ts'

/** What a stack that is being brought up works with. */
interface Stack {
  config: StackConfig
  env: NodeJS.ProcessEnv
  folder: DataFolder
  ports: Ports
  supervisor: Supervisor
  isDemo: boolean
  say: Say
}

export interface StartOptions {
  /** Resolves with the signal that ends it all. */
  told: Promise<string>
  /** Whether the sample application is deployed onto a throwaway server once everything is up. */
  isDemo: boolean
}

/** The whole of Keystone as one command: runs until it is told to end, then ends everything it has started. Returns the exit code. */
export async function start(env: NodeJS.ProcessEnv, { told, isDemo }: StartOptions, say: Say): Promise<number> {
  const config = loadStackConfig(env)
  process.umask(0o077)
  const folder = await openDataFolder(config.dataDir)
  try {
    const files = await openProcessFiles(folder.path)
    await files.endOrphans(say)
    const ports = await choosePorts(join(folder.path, 'ports.json'), config.api.port, say)
    const supervisor = createSupervisor(files, say)
    try {
      await Promise.race([bringUp({ config, env, folder, ports, supervisor, isDemo, say }), told])
      say(`${await told}: ending. Operations that run go on at the next start`)
    } finally {
      await supervisor.stop()
    }
  } finally {
    await folder.release()
  }
  say('Ended')
  return 0
}

/** The API takes wishes while Temporal is still on its way; the first time that may be minutes. */
async function bringUp(stack: Stack): Promise<void> {
  const { config, ports, supervisor, say } = stack
  const temporal = temporalOf(config, ports)
  const [env] = await Promise.all([runApi(stack, temporal), provideTemporal(stack, temporal)])
  await supervisor.run(keystoneProcess('worker', env, urlOf(config.workerMetricsHost, ports.workerMetrics)))
  say('The worker is up: Keystone is ready. Ctrl-C ends it')
  sayWhere(urlOf(config.api.host, ports.api), temporal.webUrl, say)
  if (stack.isDemo) await demo(stack, env.DATABASE_URL ?? '')
}

/** A demo that fails leaves everything running, to be looked at. */
async function demo({ config, ports, say }: Stack, databaseUrl: string): Promise<void> {
  try {
    await runDemo({ url: urlOf(config.api.host, ports.api), databaseUrl, say })
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}

function temporalOf({ temporal }: StackConfig, ports: Ports): TemporalConfig {
  if (temporal.address !== null) return { ...temporal, address: temporal.address }
  const embedded = { apiKey: null, tls: null, webUrl: `http://127.0.0.1:${ports.temporalUi}` }
  return { namespace: temporal.namespace, ...embedded, address: `127.0.0.1:${ports.temporal}` }
}

/** Returns the environment of the API's process, which is the worker's too. */
async function runApi(stack: Stack, temporal: TemporalConfig): Promise<NodeJS.ProcessEnv> {
  const { config, folder, ports, supervisor, say } = stack
  const databaseUrl = config.databaseUrl ?? (await runPostgres(supervisor, { folder: join(folder.path, 'postgres'), port: ports.postgres }))
  const keyFile = config.keyFile ?? join(folder.path, 'keys.json')
  await prepareDatabase(databaseUrl, keyFile, say)
  say('Postgres is up, with the newest schema')
  const env = keystoneEnvironment(stack, { databaseUrl, keyFile, temporal })
  await supervisor.run(keystoneProcess('api', env, urlOf(config.api.host, ports.api)))
  say(`The API is up: ${urlOf(config.api.host, ports.api)}`)
  return env
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
  const server = { search: config.temporalCli, folder: folder.path, ports, temporal, env }
  if (config.temporal.address === null) await runTemporal(supervisor, server, say)
  await prepareTemporal(temporal)
  say(`Temporal is up: ${temporal.webUrl ?? temporal.address}`)
}

function sayWhere(api: string, webUrl: string | null, say: Say): void {
  say(`  API           ${api}`)
  say(`  Documentation ${api}/docs`)
  if (webUrl) say(`  Temporal      ${webUrl}`)
}
