import { fileURLToPath } from 'node:url'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { eq, inArray } from 'drizzle-orm'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { classifyErrors } from '../../activities/classify.ts'
import { createActivities } from '../../activities/index.ts'
import { newId } from '../../db/ids.ts'
import { beginOperation, operationById } from '../../db/operations/begin.ts'
import { requestCancel } from '../../db/operations/cancel.ts'
import { commitOnce } from '../../db/operations/commit.ts'
import { finishOperation } from '../../db/operations/finish.ts'
import { createNotices } from '../../db/operations/notices.ts'
import { notifyPushes } from '../../db/operations/notify.ts'
import type { Operation } from '../../db/operations/request.ts'
import { environments, operations, webhookDeliveries } from '../../db/schema/index.ts'
import { type Dispatcher, startDispatcher } from '../../dispatcher/dispatcher.ts'
import type { OperationId } from '../../domain/ids.ts'
import { workflowId } from '../../domain/operations.ts'
import { createKeyring } from '../../drivers/secrets/keyring.ts'
import { createRegistryDriver } from '../../drivers/registries/driver.ts'
import { createSourceDriver } from '../../drivers/sources/driver.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { connectionOptions, connectTemporal } from '../../drivers/temporal/connect.ts'
import { createWorkflows, taskQueue, type Workflows } from '../../drivers/temporal/workflows.ts'
import { createTestDatabase } from '../database.ts'
import { noProviders } from '../no-providers.ts'
import { deployOf, environment, operation, organisation, requested } from '../db/rows.ts'
import { gate } from '../db/side-by-side.ts'
import { freePort } from '../setup/free-port.ts'
import { createTestTemporal } from '../temporal.ts'

const database = await createTestDatabase()
const temporal = await createTestTemporal()
const { db, sql } = database
const workflows = createWorkflows(temporal.client)
const log = pino({ level: 'silent' })
const eventually = <Value>(look: () => Value) => expect.poll(look, { timeout: 30_000 })
const organisationId = await organisation(db)
const dispatchers: Dispatcher[] = []

afterEach(async () => {
  await Promise.all(dispatchers.splice(0).map((dispatcher) => dispatcher.stop()))
  await sql`update operations set status = 'cancelled', finished_at = now() where finished_at is null`
})
afterAll(async () => {
  await database.close()
  await temporal.close()
})

/** A dispatcher that hears of wishes, and polls only where the test says so. */
async function dispatch(values: { workflows?: Workflows; pollMilliseconds?: number } = {}): Promise<void> {
  dispatchers.push(await startDispatcher({ db, sql, workflows, log, pollMilliseconds: 3_600_000, ...values }))
}

const pending = () => requested(db, deployOf(organisationId, newId<string>()))
const row = ({ id }: { id: OperationId }) => operationById(db, id)
const idOf = ({ kind, id }: Operation) => workflowId(kind, id)
const stateOf = (started: Operation) => workflows.state(idOf(started))
const isRunning = (started: Operation) => eventually(() => stateOf(started)).toBe('running')
/** As long ago as a dispatcher waits before it looks at such a row. */
const aWhileAgo = async (id: OperationId) => void (await sql`
  update operations set updated_at = now() - interval '1 minute', dispatched_at = now() - interval '1 minute' where id = ${id}`)

describe('what is pending', () => {
  test('is started by the next dispatcher, when the one before crashed between the wish and the start', async () => {
    const wish = await pending()
    expect(await stateOf(wish)).toBe('lost')
    await dispatch()
    await isRunning(wish)
    const { workflowExecutionInfo } = (await temporal.client.workflow.getHandle(idOf(wish)).describe()).raw
    expect(workflowExecutionInfo?.type?.name).toBe('environment_deploy')
  })

  test('is started at once when it is wished, without a poll', async () => {
    await dispatch()
    await isRunning(await pending())
  })

  test('is found by the poll where nobody was told of it', async () => {
    await dispatch({ pollMilliseconds: 50 })
    await isRunning(await operation(db, { organisationId, status: 'pending' }))
  })

  test('is started when what it waited for has ended; until then it is not', async () => {
    await dispatch()
    const environmentId = newId<string>()
    const first = await requested(db, deployOf(organisationId, environmentId))
    const second = await requested(db, deployOf(organisationId, environmentId))
    await isRunning(first)
    expect(await stateOf(second)).toBe('lost')
    await requestCancel(db, second.id)
    const third = await requested(db, deployOf(organisationId, environmentId))
    await finishOperation(db, first.id, { status: 'succeeded' })
    await isRunning(third)
    expect(await stateOf(second)).toBe('lost')
  })

  test('is started exactly once by several dispatchers at once, and asked for once', async () => {
    const started: string[] = []
    const counted = { ...workflows, start: async (start: Parameters<Workflows['start']>[0]) => (started.push(start.operationId), workflows.start(start)) }
    const wishes = await Promise.all(Array.from({ length: 25 }, pending))
    await Promise.all([1, 2, 3].map(() => dispatch({ workflows: counted })))
    await Promise.all(wishes.map(isRunning))
    expect(started.toSorted()).toEqual(wishes.map(({ id }) => id).toSorted())
  })

  test('is told that its commit is still to be looked up, where a push has caused it', async () => {
    const told = new Map<string, boolean | undefined>()
    const noted = { ...workflows, start: async (start: Parameters<Workflows['start']>[0]) => (told.set(start.operationId, start.followsBranch), workflows.start(start)) }
    const wish = (input: Record<string, unknown>) => requested(db, deployOf(organisationId, newId<string>(), { input }))
    const wishes = [await wish({ branch: 'main' }), await wish({ branch: 'main', commit: 'a' }), await wish({ tag: 'v1', commit: 'a' }), await wish({ image: 'a', commit: null })]
    await dispatch({ workflows: noted })
    await Promise.all(wishes.map(isRunning))
    expect(wishes.map(({ id }) => told.get(id))).toEqual([true, false, false, false])
  })

  test('waits while Temporal is away, and is started at once when it is back', async () => {
    const nowhere = { ...temporal.target, address: `127.0.0.1:${await freePort()}` }
    const away = connectTemporal(nowhere)
    const wish = await pending()
    const refused = gate()
    const { start } = createWorkflows(away.client)
    const trying = (wished: Parameters<Workflows['start']>[0]) => away.connection.withDeadline(Date.now() + 500, () => start(wished)).finally(refused.open)
    await dispatch({ workflows: { ...workflows, start: trying } })
    await refused.isOpen
    await eventually(() => row(wish)).toMatchObject({ status: 'pending', dispatchedAt: null })
    await dispatch()
    await isRunning(wish)
    await away.connection.close()
  })

  test('does not wait for another one that Temporal refuses', async () => {
    const refused = await requested(db, deployOf(organisationId, newId<string>(), { input: { commit: 'a'.repeat(5000) } }))
    const wishes = [await pending(), await pending()]
    const cancelled = await operation(db, { organisationId, status: 'running', cancelRequestedAt: new Date() })
    await dispatch()
    await Promise.all(wishes.map(isRunning))
    await eventually(async () => (await row(cancelled)).cancelDeliveredAt).toBeInstanceOf(Date)
    expect(await stateOf(refused)).toBe('lost')
    expect((await row(refused)).status).toBe('pending')
  })

  test('has failed when its workflow was ended before it had begun', async () => {
    const wish = await pending()
    await dispatch()
    await isRunning(wish)
    await workflows.terminate(idOf(wish), 'the test ends it')
    await aWhileAgo(wish.id)
    await dispatch()
    await eventually(async () => (await row(wish)).status).toBe('failed')
    expect((await row(wish)).failure).toMatchObject({ code: 'workflow_lost' })
  })
})

test('a wish to cancel reaches the workflow once it has begun', async () => {
  const wish = await pending()
  await dispatch()
  await isRunning(wish)
  await beginOperation(db, wish.id, 'run-1')
  expect(await requestCancel(db, wish.id)).toBe('requested')
  await eventually(async () => (await row(wish)).cancelDeliveredAt).toBeInstanceOf(Date)
  const { raw } = await temporal.client.workflow.getHandle(idOf(wish)).describe()
  expect(raw.workflowExtendedInfo?.cancelRequested).toBe(true)
})

/** A deploy whose workflow has begun and was then terminated, found by nobody yet, and one that waits for it. */
async function terminated(): Promise<{ lost: Operation; next: Operation }> {
  const environmentId = await environment(db, organisationId)
  const lost = await requested(db, deployOf(organisationId, environmentId))
  const next = await requested(db, deployOf(organisationId, environmentId))
  await dispatch()
  await isRunning(lost)
  const { runId } = await temporal.client.workflow.getHandle(idOf(lost)).describe()
  await beginOperation(db, lost.id, runId)
  await dispatchers.pop()!.stop()
  return { lost, next }
}

const recoveriesOf = ({ id }: Operation) => db.select().from(operations).where(inArray(operations.targetId, [id])).orderBy(operations.sequence)

describe('a running operation', () => {
  test('is left alone while its workflow runs', async () => {
    const { lost } = await terminated()
    await aWhileAgo(lost.id)
    const asked: string[] = []
    const watched = { ...workflows, state: (id: string) => (asked.push(id), workflows.state(id)) }
    await dispatch({ workflows: watched, pollMilliseconds: 50 })
    await eventually(() => asked.length).toBeGreaterThan(2)
    expect((await row(lost)).status).toBe('running')
  })

  test('whose workflow is gone keeps its locks and goes to one recovery, however many dispatchers look', async () => {
    const { lost, next } = await terminated()
    await workflows.terminate(idOf(lost), 'the test ends it')
    await aWhileAgo(lost.id)
    await Promise.all([1, 2, 3].map(() => dispatch({ pollMilliseconds: 50 })))
    await eventually(async () => (await row(lost)).status).toBe('recovering')
    const [recovery, ...others] = await recoveriesOf(lost)
    expect(others).toEqual([])
    await isRunning(recovery!)
    expect((await row(next)).status).toBe('queued')
  })
})

describe('with a worker', () => {
  let worker: Worker
  let ended: Promise<void>
  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') })
    worker = await createWorker()
    ended = worker.run()
  })
  afterAll(async () => {
    worker.shutdown()
    await ended
  })

  test('an operation whose workflow is lost and that was not committed ends failed, and the next one has its turn', async () => {
    const { lost, next } = await lostAfter(async () => {})
    await eventually(async () => (await row(lost)).status).toBe('failed')
    expect((await row(lost)).failure).toMatchObject({ code: 'workflow_lost', hint: expect.any(String) })
    await eventually(async () => (await recoveriesOf(lost)).map(({ status, outcome }) => [status, outcome])).toEqual([['succeeded', 'taken back']])
    expect((await row(next)).status).not.toBe('queued')
  })

  test('an operation whose workflow is lost and that was committed ends well', async () => {
    const { lost } = await lostAfter(({ id }) => commitOnce(db, id, async () => {}), { kind: 'service_deploy', targetType: 'service' })
    await eventually(async () => (await row(lost)).status).toBe('succeeded')
    expect((await row(lost)).outcome).toBe('recovered')
  })

  /** An operation whose workflow nobody knows any more, and a deploy that waits for it. */
  async function lostAfter(work: (lost: Operation) => Promise<void>, kind: Partial<Operation> = {}): Promise<{ lost: Operation; next: Operation }> {
    const environmentId = await environment(db, organisationId)
    const lost = await operation(db, { organisationId, targetId: environmentId, workflowRunId: 'run-1', ...kind })
    await sql`insert into operation_locks values (${lost.id}, ${`environment/${environmentId}`}, 'exclusive')`
    await work(lost)
    const next = await requested(db, deployOf(organisationId, environmentId))
    expect(next.status).toBe('queued')
    await aWhileAgo(lost.id)
    await dispatch({ pollMilliseconds: 50 })
    return { lost, next }
  }
})

describe('a push', () => {
  /** A delivery of which nobody was told; its environment has no server. */
  async function pushed(): Promise<string> {
    const environmentId = await environment(db, organisationId)
    const [found] = await db.select({ applicationId: environments.applicationId }).from(environments).where(eq(environments.id, environmentId))
    const id = newId<string>()
    await db.insert(webhookDeliveries).values({
      ...{ id, organisationId, applicationId: found!.applicationId, provider: 'gitea', event: 'push', bodyHash: id, settledAt: null },
      ...{ ref: 'refs/heads/main', before: 'a'.repeat(40), after: 'b'.repeat(40), pusher: 'ada' },
      results: [{ environmentId, environmentName: 'production', operationId: null, reason: null, version: { condition: null } }],
    })
    return id
  }
  const reasonOf = async (id: string) => (await db.select().from(webhookDeliveries).where(eq(webhookDeliveries.id, id)))[0]?.results[0]?.reason?.code
  const isSettled = (id: string) => eventually(() => reasonOf(id)).toBe('environment_without_servers')

  test('is settled by the next dispatcher, when the one before crashed', async () => {
    const id = await pushed()
    await dispatch()
    await isSettled(id)
  })

  test('is settled at once when a dispatcher is told of it, also while Temporal keeps one waiting', async () => {
    const [asked, answered] = [gate(), gate()]
    const start = async (wished: Parameters<Workflows['start']>[0]) => (asked.open(), await answered.isOpen, workflows.start(wished))
    await pending()
    await dispatch({ workflows: { ...workflows, start } })
    await asked.isOpen
    const id = await pushed()
    await notifyPushes(db)
    await isSettled(id)
    answered.open()
  })

  test('is found by the poll where nobody was told of it', async () => {
    await dispatch({ pollMilliseconds: 50 })
    await isSettled(await pushed())
  })

  test('that cannot be settled keeps those of other applications not back', async () => {
    const [before, broken, after] = [await pushed(), await pushed(), await pushed()]
    await sql`update webhook_deliveries set results = '{}' where id = ${broken}`
    await dispatch({ pollMilliseconds: 50 })
    await Promise.all([before, after].map(isSettled))
    await sql`delete from webhook_deliveries where id = ${broken}`
  })
})

async function createWorker(): Promise<Worker> {
  return Worker.create({
    connection: await NativeConnection.connect(connectionOptions(temporal.target)),
    namespace: temporal.target.namespace,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    activities: createActivities({
      db,
      log,
      keyring: createKeyring({ current: 'test', keys: { test: Buffer.alloc(32).toString('base64') } }),
      ssh: createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 }),
      registries: createRegistryDriver(),
      providers: noProviders,
      sources: createSourceDriver(),
      notices: createNotices(db),
      terminateWorkflow: (id, reason) => workflows.terminate(id, reason),
    }),
    interceptors: { activity: [classifyErrors(log)] },
  })
}
