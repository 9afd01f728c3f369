import { fileURLToPath } from 'node:url'
import { existsSync, readFileSync } from 'node:fs'
import { NativeConnection, Worker } from '@temporalio/worker'
import { pino } from 'pino'
import { z } from 'zod'
import { classifyErrors } from './activities/classify.ts'
import { createActivities } from './activities/index.ts'
import { type Config, loadConfig } from './config.ts'
import { connect } from './db/connect.ts'
import { createNotices } from './db/operations/notices.ts'
import { startDispatcher } from './dispatcher/dispatcher.ts'
import { createKeyring } from './drivers/secrets/keyring.ts'
import { createSshPool } from './drivers/ssh/pool.ts'
import { connectionOptions, connectTemporal } from './drivers/temporal/connect.ts'
import { createWorkflows, taskQueue } from './drivers/temporal/workflows.ts'
import { startMonitor } from './worker-monitor.ts'

const keyFileSchema = z.object({ current: z.string(), keys: z.record(z.string(), z.string()) })
const sshTimings = { idleCloseSeconds: 60, keepaliveSeconds: 5, connectTimeoutSeconds: 10 }

/** Runs until SIGTERM or SIGINT; then remote steps are let go of, not ended (design section 4). */
async function main(config: Config): Promise<void> {
  const log = pino({ level: config.logLevel, name: 'worker' })
  const database = connect(config.databaseUrl.reveal())
  const keyring = createKeyring(keyFileSchema.parse(JSON.parse(readFileSync(config.keyFile, 'utf8'))))
  const ssh = createSshPool(sshTimings)
  const workflows = createWorkflows(connectTemporal(config.temporal).client)
  const worker = await Worker.create({
    connection: await NativeConnection.connect(connectionOptions(config.temporal)),
    namespace: config.temporal.namespace,
    taskQueue,
    ...workflowSource(),
    activities: createActivities({
      db: database.db,
      keyring,
      ssh,
      log,
      notices: createNotices(database.db),
      terminateWorkflow: (id, reason) => workflows.terminate(id, reason),
    }),
    interceptors: { activity: [classifyErrors(log)] },
    maxHeartbeatThrottleInterval: '2 seconds',
  })
  const monitor = await startMonitor(config.workerMetrics, {
    counts: () => {
      const { handshakes, roundTrips } = ssh.counts()
      return { sshHandshakes: handshakes, sshRoundTrips: roundTrips, sqlQueries: database.queries() }
    },
    isReady: () => worker.getState() === 'RUNNING',
  })
  const dispatcher = await startDispatcher({ db: database.db, sql: database.sql, workflows, log })
  log.info('worker ready')
  await worker.run()
  await dispatcher.stop()
  await monitor.close()
  await ssh.close()
  await database.close()
}

/** Built ahead for production, else bundled from the sources. */
function workflowSource() {
  const bundle = fileURLToPath(new URL('./workflow-bundle.js', import.meta.url))
  if (existsSync(bundle)) return { workflowBundle: { codePath: bundle } }
  return { workflowsPath: fileURLToPath(new URL('./workflows/index.ts', import.meta.url)) }
}

await main(loadConfig(process.env))
