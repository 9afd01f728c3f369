import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { connectTemporal, type TemporalAddress } from '../drivers/temporal/connect.ts'
import { taskQueue } from '../drivers/temporal/workflows.ts'
import type { ProcessSpec } from './supervision/process.ts'

const root = dirname(import.meta.dirname)
const workflowQueue = 1

/** The API's own process; ready when it answers and reaches its database. */
export function apiProcess(env: NodeJS.ProcessEnv, url: string): ProcessSpec {
  const isReady = () => fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2000) }).then(({ ok }) => ok, () => false)
  return { name: 'api', ...runningTypeScript('api/server.ts', env), isReady }
}

/** The worker's own process; ready when Temporal sees it ask for work. */
export function workerProcess(env: NodeJS.ProcessEnv, temporal: TemporalAddress): ProcessSpec {
  const isReady = async (pid: number) => (await pollers(temporal)).includes(`${pid}@${hostname()}`)
  return { name: 'worker', ...runningTypeScript('worker.ts', env), isReady }
}

function runningTypeScript(entry: string, env: NodeJS.ProcessEnv) {
  return { argv: [process.execPath, '--import', 'tsx', entry], cwd: root, env }
}

/** The identities of the workers that asked for workflow tasks of late. */
async function pollers(temporal: TemporalAddress): Promise<string[]> {
  const { connection } = connectTemporal(temporal)
  try {
    const queue = { namespace: temporal.namespace, taskQueue: { name: taskQueue }, taskQueueType: workflowQueue }
    const { pollers: found } = await connection.workflowService.describeTaskQueue(queue)
    return found.flatMap(({ identity }) => (identity ? [identity] : []))
  } catch {
    return []
  } finally {
    await connection.close()
  }
}
