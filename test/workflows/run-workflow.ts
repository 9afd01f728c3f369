import { randomUUID } from 'node:crypto'
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker'
import { afterAll, beforeAll } from 'vitest'
import { createTestTemporal, type TestTemporal } from '../temporal.ts'

/** Runs a workflow of the product to its end, however it ends, with activities of the test. `beside` is what it is given beside its operation. Returns its result, undefined where it failed. */
export type RunWorkflow = (workflow: string, activities: WorkerOptions['activities'], operationId?: string, beside?: object) => Promise<unknown>

/** For the tests of one file: a Temporal namespace of its own, and the workflows bundled once. */
export function workflowRunner(): RunWorkflow {
  let temporal: TestTemporal
  let connection: NativeConnection
  let workflowBundle: Awaited<ReturnType<typeof bundleWorkflowCode>>

  beforeAll(async () => {
    const logger = new DefaultLogger('ERROR')
    Runtime.install({ logger })
    temporal = await createTestTemporal()
    connection = await NativeConnection.connect({ address: temporal.target.address })
    const workflowsPath = new URL('../../workflows/index.ts', import.meta.url).pathname
    workflowBundle = await bundleWorkflowCode({ logger, workflowsPath })
  })
  afterAll(async () => {
    await connection.close()
    await temporal.close()
  })

  return async (workflow, activities, operationId = 'operation', beside = {}) => {
    const taskQueue = randomUUID()
    const { namespace } = temporal.target
    const worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle, activities })
    const workflowId = `${workflow}/${taskQueue}`
    const run = temporal.client.workflow.execute(workflow, { workflowId, taskQueue, args: [{ operationId, ...beside }] })
    return worker.runUntil(run.catch(() => {}))
  }
}
