import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { NativeConnection, Runtime, Worker, type WorkflowBundleOption } from '@temporalio/worker'
import { pino } from 'pino'
import { classifyErrors } from './activities/classify.ts'
import type { ActivityDeps } from './activities/deps.ts'
import { createActivities } from './activities/index.ts'
import { type Config, loadConfig } from './config.ts'
import { connect } from './db/connect.ts'
import { createNotices } from './db/operations/notices.ts'
import { startDispatcher } from './dispatcher/dispatcher.ts'
import { createProviders } from './drivers/providers/registry.ts'
import { createRegistryDriver } from './drivers/registries/driver.ts'
import { readKeyring } from './drivers/secrets/key-file.ts'
import { createSourceDriver } from './drivers/sources/driver.ts'
import { createSshPool } from './drivers/ssh/pool.ts'
import { connectionOptions, connectTemporal } from './drivers/temporal/connect.ts'
import { sdkLogger } from './drivers/temporal/log.ts'
import { prepareSchedules } from './drivers/temporal/schedules.ts'
import { createWorkflows, taskQueue } from './drivers/temporal/workflows.ts'
import { startMonitor } from './worker-monitor.ts'

/** More than ten times what it has. */
const mostBundleBytes = 32 * 1024 * 1024

const sshTimings = { idleCloseSeconds: 60, keepaliveSeconds: 5, connectTimeoutSeconds: 10 }

/** Runs until SIGTERM or SIGINT; then remote steps are let go of, not ended (design section 4). */
async function main(config: Config): Promise<void> {
  const { databaseUrl, keyFile, temporal, workerMetrics, dockerHubMirror, hetznerEndpoint, logLevel } = config
  const log = pino({ level: logLevel, name: 'worker' })
  Runtime.install({ logger: sdkLogger(log) })
  const { db, sql, queries, close } = connect(databaseUrl.reveal())
  const ssh = createSshPool(sshTimings)
  const { client } = connectTemporal(temporal)
  const workflows = createWorkflows(client)
  const keyring = await readKeyring(keyFile)
  const registries = createRegistryDriver({ dockerHubMirror })
  const providers = createProviders({ hetzner: { endpoint: hetznerEndpoint } })
  const deps = { db, keyring, ssh, registries, providers, sources: createSourceDriver(), log, notices: createNotices(db), terminateWorkflow: workflows.terminate }
  const worker = await createWorker(config, deps)
  const monitor = await startMonitor(workerMetrics, {
    counts: () => ({ ...ssh.counts(), sqlQueries: queries() }),
    isReady: () => worker.getState() === 'RUNNING',
  })
  await prepareSchedules(client)
  const dispatcher = await startDispatcher({ db, sql, workflows, log })
  log.info('worker ready')
  await worker.run()
  await dispatcher.stop()
  await monitor.close()
  await ssh.close()
  await close()
}

/** A killed worker is noticed by its missing heartbeats, so these are passed on as often as they come. */
async function createWorker({ temporal, workflowBundle }: Pick<Config, 'temporal' | 'workflowBundle'>, deps: ActivityDeps): Promise<Worker> {
  const [connection, bundle] = await Promise.all([NativeConnection.connect(connectionOptions(temporal)), bundleOf(workflowBundle)])
  return Worker.create({
    connection,
    namespace: temporal.namespace,
    taskQueue,
    workflowBundle: bundle,
    activities: createActivities(deps),
    interceptors: { activity: [classifyErrors(deps.log)] },
    maxHeartbeatThrottleInterval: '2 seconds',
  })
}

/** Built ahead for production, else bundled from the sources by a process of its own: what memory that takes goes with it. */
async function bundleOf(made: string | null): Promise<WorkflowBundleOption> {
  const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))
  const beside = pathOf('./workflow-bundle.js')
  const codePath = made ?? (existsSync(beside) ? beside : null)
  if (codePath !== null) return { codePath }
  const argv = ['--import', 'tsx', pathOf('./tools/bundle-workflows.ts')]
  const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: pathOf('.'), maxBuffer: mostBundleBytes })
  return { code: stdout }
}

await main(loadConfig())
