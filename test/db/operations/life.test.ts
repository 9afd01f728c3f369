import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { childId, newId } from '../../../db/ids.ts'
import { beginOperation, operationById } from '../../../db/operations/begin.ts'
import { insertChildren, operationTree } from '../../../db/operations/children.ts'
import { finishOperation, warn } from '../../../db/operations/finish.ts'
import type { Operation } from '../../../db/operations/request.ts'
import { startStep } from '../../../db/operations/steps.ts'
import { operationSteps } from '../../../db/schema/index.ts'
import type { OperationId } from '../../../domain/ids.ts'
import { createTestDatabase } from '../../database.ts'
import { operation } from '../rows.ts'

const database = await createTestDatabase()
const { db } = database
afterAll(database.close)

const failure = { code: 'step_failed', message: 'Step "build" ended with exit code 1.' }
const row = ({ id }: Pick<Operation, 'id'>) => operationById(db, id)

function childOf(root: Operation, targetId: string) {
  const id = childId<OperationId>(root.id, 'service_deploy', targetId)
  return { id, parentId: root.id, kind: 'service_deploy', targetType: 'service', targetId, summary: 'deploy web' } as const
}

describe('begin', () => {
  test('of a pending operation stores the run and the time, and finds them again', async () => {
    const pending = await operation(db, { status: 'pending' })
    const begun = await beginOperation(db, pending.id, 'run-1')
    expect(begun).toMatchObject({ status: 'running', workflowRunId: 'run-1', startedAt: expect.any(Date) })
    expect(await beginOperation(db, pending.id, 'run-1')).toEqual(begun)
  })

  test('is refused to another run', async () => {
    const pending = await operation(db, { status: 'pending' })
    await beginOperation(db, pending.id, 'run-1')
    expect(await beginOperation(db, pending.id, 'run-2')).toBeNull()
    expect(await row(pending)).toMatchObject({ workflowRunId: 'run-1' })
  })

  test('of two runs at once is given to one', async () => {
    const pending = await operation(db, { status: 'pending' })
    const begun = await Promise.all(['run-1', 'run-2', 'run-3'].map((run) => beginOperation(db, pending.id, run)))
    expect(begun.filter(Boolean)).toHaveLength(1)
  })

  test.each(['queued', 'recovering'] as const)('of a %s operation is refused', async (status) => {
    const { id } = await operation(db, { status, workflowRunId: 'run-1' })
    expect(await beginOperation(db, id, 'run-1')).toBeNull()
  })

  test('after the end is refused, also to the run that ran it', async () => {
    const { id } = await operation(db, { workflowRunId: 'run-1' })
    await finishOperation(db, id, { status: 'succeeded' })
    expect(await beginOperation(db, id, 'run-1')).toBeNull()
  })
})

describe('finish', () => {
  test('stores how it ended, and a second end changes nothing', async () => {
    const { id } = await operation(db)
    expect(await finishOperation(db, id, { status: 'failed', failure })).toBe(true)
    const ended = await row({ id })
    expect(ended).toMatchObject({ status: 'failed', failure, finishedAt: expect.any(Date) })
    expect(await finishOperation(db, id, { status: 'succeeded' })).toBe(false)
    expect(await row({ id })).toEqual(ended)
  })

  test('of two ends at once one counts', async () => {
    const { id } = await operation(db)
    const ends = await Promise.all((['succeeded', 'cancelled'] as const).map((status) => finishOperation(db, id, { status })))
    expect(ends.filter(Boolean)).toHaveLength(1)
  })

  test('of a recovering operation is its recovery alone', async () => {
    const { id } = await operation(db, { status: 'recovering' })
    expect(await finishOperation(db, id, { status: 'succeeded' })).toBe(false)
    expect(await finishOperation(db, id, { status: 'failed', failure }, ['recovering'])).toBe(true)
  })

  test('of a failed root cancels what of its tree has not ended, steps too, and leaves the rest as it was', async () => {
    const root = await operation(db)
    const [done, running, waiting] = [childOf(root, newId()), childOf(root, newId()), childOf(root, newId())]
    await insertChildren(db, root, [done, running, waiting])
    await beginOperation(db, done.id, 'run-1')
    await finishOperation(db, done.id, { status: 'succeeded' })
    await beginOperation(db, running.id, 'run-2')
    const step = { operationId: running.id, order: 10, name: 'start', serverId: null, user: 'keystone', script: '' } as const
    const stepId = await startStep(db, step)
    await finishOperation(db, root.id, { status: 'failed', failure })
    expect((await Promise.all([done, running, waiting].map(row))).map(({ status }) => status)).toEqual(['succeeded', 'cancelled', 'cancelled'])
    const [stored] = await db.select().from(operationSteps).where(eq(operationSteps.id, stepId))
    expect(stored).toMatchObject({ status: 'cancelled', finishedAt: expect.any(Date) })
  })

  test('of a child ends neither its root nor its siblings', async () => {
    const root = await operation(db)
    const [one, other] = [childOf(root, newId()), childOf(root, newId())]
    await insertChildren(db, root, [one, other])
    await finishOperation(db, one.id, { status: 'failed', failure })
    expect([(await row(root)).status, (await row(other)).status]).toEqual(['running', 'pending'])
  })

  test('keeps a warning once, however often it is given', async () => {
    const { id } = await operation(db)
    const odd = { code: 'not_pruned', message: "it's 100 % ? odd", hint: '"quoted"' } as const
    for (const warning of ['one', 'one', odd, { code: 'not_pruned', message: 'one' } as const, odd]) await warn(db, id, warning)
    expect((await row({ id })).warnings).toEqual(['one', odd])
  })
})

describe('children', () => {
  test('are stored once, under the root and with hashes of their own', async () => {
    const root = await operation(db)
    const child = childOf(root, newId())
    const grandchild = { ...childOf(root, newId()), parentId: child.id }
    await insertChildren(db, root, [child, grandchild])
    await insertChildren(db, root, [child, grandchild])
    const tree = await operationTree(db, root.id)
    expect(tree.map(({ id }) => id).toSorted()).toEqual([root.id, child.id, grandchild.id].toSorted())
    expect(new Set(tree.map(({ hash }) => hash)).size).toBe(3)
    expect(await row(grandchild)).toMatchObject({ rootId: root.id, parentId: child.id, organisationId: root.organisationId, status: 'pending' })
  })

  test('that have begun are not set back by the plan being stored again', async () => {
    const root = await operation(db)
    const child = childOf(root, newId())
    await insertChildren(db, root, [child])
    await beginOperation(db, child.id, 'run-1')
    await insertChildren(db, root, [child])
    expect(await row(child)).toMatchObject({ status: 'running', workflowRunId: 'run-1' })
  })
})
