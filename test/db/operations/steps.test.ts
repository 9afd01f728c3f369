import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { connect } from '../../../db/connect.ts'
import { childId, newId } from '../../../db/ids.ts'
import { insertChildren } from '../../../db/operations/children.ts'
import { endStep, startStep, unfinishedSteps } from '../../../db/operations/steps.ts'
import { operationSteps } from '../../../db/schema/index.ts'
import type { OperationId } from '../../../domain/ids.ts'
import { createTestDatabase } from '../../database.ts'
import { operation, organisation, server } from '../rows.ts'

const database = await createTestDatabase()
const { db } = database
afterAll(database.close)

const stepOf = (operationId: OperationId, order = 10) =>
  ({ operationId, order, name: 'build image', serverId: null, user: 'keystone', script: 'docker build .' }) as const
const stored = async (id: string) => (await db.select().from(operationSteps).where(eq(operationSteps.id, id)))[0]!

describe('a step', () => {
  test('that is started twice is one step, and keeps its place and its beginning', async () => {
    const { id } = await operation(db)
    const stepId = await startStep(db, stepOf(id))
    const before = await stored(stepId)
    expect(await startStep(db, stepOf(id))).toBe(stepId)
    expect(await stored(stepId)).toMatchObject({ order: 10, status: 'running', startedAt: before.startedAt })
  })

  test('that is started by several at once is one step', async () => {
    const { id } = await operation(db)
    const ids = await Promise.all([1, 2, 3, 4].map(() => startStep(db, stepOf(id))))
    expect(new Set(ids).size).toBe(1)
  })

  test('has its number within its own operation: another operation may use the same', async () => {
    const [one, other] = [await operation(db), await operation(db)]
    expect(await startStep(db, stepOf(one.id))).not.toBe(await startStep(db, stepOf(other.id)))
  })

  test('that ended well stays so, when its activity reads it again and ends it again', async () => {
    const { id } = await operation(db)
    const stepId = await startStep(db, stepOf(id))
    await endStep(db, stepId, { status: 'succeeded', run: 2, exitCode: 0 })
    const ended = await stored(stepId)
    expect(ended).toMatchObject({ status: 'succeeded', run: 2, exitCode: 0, finishedAt: expect.any(Date) })
    await startStep(db, stepOf(id))
    await endStep(db, stepId, { status: 'failed', exitCode: 1 })
    expect(await stored(stepId)).toMatchObject({ status: 'succeeded', run: 2, exitCode: 0, finishedAt: ended.finishedAt })
  })

  test('that failed stays so too: whoever asks for it again reads its end', async () => {
    const { id } = await operation(db)
    const stepId = await startStep(db, stepOf(id))
    await endStep(db, stepId, { status: 'failed', exitCode: 1 })
    const ended = await stored(stepId)
    await startStep(db, stepOf(id))
    await endStep(db, stepId, { status: 'failed', exitCode: 1 })
    expect(await stored(stepId)).toEqual({ ...ended, updatedAt: expect.any(Date) })
  })

  test('may still run on its server until it has ended, whichever of the tree it belongs to', async () => {
    const root = await operation(db)
    const serverId = await server(db, root.organisationId)
    const id = childId<OperationId>(root.id, 'replica_deploy', 'one')
    await insertChildren(db, root, [{ id, parentId: root.id, kind: 'replica_deploy', targetType: 'replica', targetId: newId(), summary: 'start' }])
    const stepId = await startStep(db, { ...stepOf(id), serverId, user: 'root' })
    const [hash] = (await unfinishedSteps(db, root.id)).map((step) => step.hash)
    expect(await unfinishedSteps(db, root.id)).toEqual([{ id: stepId, order: 10, name: 'build image', user: 'root', serverId, hash }])
    expect(hash).not.toBe(root.hash)
    await endStep(db, stepId, { status: 'failed', exitCode: 1 })
    expect(await unfinishedSteps(db, root.id)).toEqual([])
  })
})

test('who watches the root hears of each change of a step below it', async () => {
  const root = await operation(db, { organisationId: await organisation(db) })
  const id = childId<OperationId>(root.id, 'service_deploy', 'one')
  await insertChildren(db, root, [{ id, parentId: root.id, kind: 'service_deploy', targetType: 'service', targetId: newId(), summary: 'web' }])
  const heard: string[] = []
  const listener = connect(database.url, 1)
  await listener.sql.listen('keystone_operation', (rootId) => void heard.push(rootId))
  const stepId = await startStep(db, stepOf(id))
  await endStep(db, stepId, { status: 'succeeded', exitCode: 0 })
  await expect.poll(() => heard).toEqual([root.id, root.id])
  await listener.close()
})
