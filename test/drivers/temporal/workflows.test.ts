import { afterAll, expect, test, vi } from 'vitest'
import { taskQueue, createWorkflows } from '../../../drivers/temporal/workflows.ts'
import { workflowId } from '../../../domain/operations.ts'
import { createTestTemporal } from '../../temporal.ts'

const temporal = await createTestTemporal()
const workflows = createWorkflows(temporal.client)
afterAll(() => temporal.close())

const kind = 'environment_deploy'
const startOf = (operationId: string) => ({
  kind,
  operationId,
  summary: 'deploy production of shop @ 3f2a91c',
  found: { organisation: 'organisation-1', environment: 'environment-1', commit: '3f2a91c' },
}) as const

test('starts a workflow of the kind under the known id, with a summary and search attributes', async () => {
  expect(await workflows.start(startOf('start'))).toBe(true)
  const described = await temporal.client.workflow.getHandle('environment_deploy/start').describe()
  expect(described).toMatchObject({ type: kind, taskQueue })
  expect(await described.staticSummary()).toBe('deploy production of shop @ 3f2a91c')
  const query = `KeystoneKind = '${kind}' and KeystoneEnvironment = 'environment-1' and KeystoneCommit = '3f2a91c'`
  await vi.waitUntil(async () => (await temporal.client.workflow.count(query)).count === 1, { timeout: 10_000 })
})

test('a second start says that it was started already, while it runs and after it has closed', async () => {
  await workflows.start(startOf('twice'))
  expect(await workflows.start(startOf('twice'))).toBe(false)
  await workflows.terminate(workflowId(kind, 'twice'), 'the test ends it')
  expect(await workflows.start(startOf('twice'))).toBe(false)
})

test('a workflow that was terminated, or that nobody knows, is lost', async () => {
  await workflows.start(startOf('lost'))
  expect(await workflows.state(workflowId(kind, 'lost'))).toBe('running')
  await workflows.terminate(workflowId(kind, 'lost'), 'the test ends it')
  expect(await workflows.state(workflowId(kind, 'lost'))).toBe('lost')
  expect(await workflows.state(workflowId(kind, 'unknown'))).toBe('lost')
})

test('a wish to cancel arrives, and says when there is nobody to tell', async () => {
  await workflows.start(startOf('cancel'))
  expect(await workflows.cancel(workflowId(kind, 'cancel'))).toBe(true)
  const { raw } = await temporal.client.workflow.getHandle(workflowId(kind, 'cancel')).describe()
  expect(raw.workflowExtendedInfo?.cancelRequested).toBe(true)
  expect(await workflows.cancel(workflowId(kind, 'unknown'))).toBe(false)
})

test('ending a workflow that has ended is fine', async () => {
  await workflows.terminate(workflowId(kind, 'unknown'), 'the test ends it')
})
