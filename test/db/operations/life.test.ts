import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { childId, newId } from '../../../db/ids.ts'
import { beginOperation, holdRunning, operationById, OperationEnded } from '../../../db/operations/begin.ts'
import { markCancelDelivered, requestCancel, undeliveredCancels } from '../../../db/operations/cancel.ts'
import { insertChildren, operationTree } from '../../../db/operations/children.ts'
import { CancelRequested, commitOnce } from '../../../db/operations/commit.ts'
import { failUnbegun } from '../../../db/operations/dispatch.ts'
import { finishOperation, warn } from '../../../db/operations/finish.ts'
import { repeatRecoveries, requestRecovery } from '../../../db/operations/recover.ts'
import type { Operation } from '../../../db/operations/request.ts'
import { startStep } from '../../../db/operations/steps.ts'
import { operations, operationSteps } from '../../../db/schema/index.ts'
import type { OperationId } from '../../../domain/ids.ts'
import { createTestDatabase } from '../../database.ts'
import { operation } from '../rows.ts'
import { gate, waiting } from '../side-by-side.ts'

const database = await createTestDatabase()
const { db, sql } = database
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
    for (const words of ['one', 'one', "it's 100 % ? odd", 'one', "it's 100 % ? odd"]) await warn(db, id, words)
    expect((await row({ id })).warnings).toEqual(['one', "it's 100 % ? odd"])
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

describe('the commit point', () => {
  const nothing = async () => {}

  test('is reached once, and a repetition finds it done', async () => {
    const { id } = await operation(db)
    let works = 0
    for (const _ of [1, 2, 3]) await commitOnce(db, id, async () => void works++)
    expect(works).toBe(1)
    expect((await row({ id })).committedAt).toBeInstanceOf(Date)
  })

  test('is reached by one of several at once', async () => {
    const { id } = await operation(db)
    let works = 0
    await Promise.all([1, 2, 3, 4].map(() => commitOnce(db, id, async () => void works++)))
    expect(works).toBe(1)
  })

  test('is that of the root, for whichever of its tree it is asked', async () => {
    const root = await operation(db)
    const child = childOf(root, newId())
    await insertChildren(db, root, [child])
    await commitOnce(db, child.id, nothing)
    expect((await row(root)).committedAt).toBeInstanceOf(Date)
    expect((await row(child)).committedAt).toBeNull()
  })

  test('is not reached when the work fails: nothing of it is stored, and it may be tried again', async () => {
    const { id } = await operation(db)
    const failing = commitOnce(db, id, async (tx) => {
      await tx.update(operations).set({ outcome: 'half' }).where(eq(operations.id, id))
      throw new Error('the work fails')
    })
    await expect(failing).rejects.toThrow('the work fails')
    expect(await row({ id })).toMatchObject({ outcome: null, committedAt: null })
    await commitOnce(db, id, nothing)
    expect((await row({ id })).committedAt).toBeInstanceOf(Date)
  })

  test.each(['succeeded', 'cancelled'] as const)('is not reached after the operation has %s', async (status) => {
    const { id } = await operation(db)
    await finishOperation(db, id, { status })
    await expect(commitOnce(db, id, nothing)).rejects.toThrow(OperationEnded)
    expect((await row({ id })).committedAt).toBeNull()
  })

  test('is not reached once recovery has taken over, nor may a step be started or a row be held', async () => {
    const { id } = await operation(db)
    await requestRecovery(db, id, 'terminated')
    await expect(commitOnce(db, id, nothing)).rejects.toThrow(OperationEnded)
    await expect(db.transaction((tx) => holdRunning(tx, id))).rejects.toThrow(OperationEnded)
    const step = { operationId: id, order: 10, name: 'build', serverId: null, user: 'keystone', script: '' } as const
    await expect(startStep(db, step)).rejects.toThrow(OperationEnded)
  })

  test('is not reached after a wish to cancel', async () => {
    const { id } = await operation(db)
    expect(await requestCancel(db, id)).toBe('requested')
    await expect(commitOnce(db, id, nothing)).rejects.toThrow(CancelRequested)
    expect((await row({ id })).committedAt).toBeNull()
  })

  test('under way makes a wish to cancel wait, which then hears that it is live', async () => {
    const { id } = await operation(db)
    const [working, goOn] = [gate(), gate()]
    const commit = commitOnce(db, id, () => {
      working.open()
      return goOn.isOpen
    })
    await working.isOpen
    const cancel = requestCancel(db, id)
    await waiting(sql, 1)
    goOn.open()
    expect(await cancel).toBe('already_live')
    await commit
    expect(await row({ id })).toMatchObject({ cancelRequestedAt: null, committedAt: expect.any(Date) })
  })

  test('under way makes recovery wait, which then finds it reached', async () => {
    const { id } = await operation(db)
    const [working, goOn] = [gate(), gate()]
    const commit = commitOnce(db, id, () => {
      working.open()
      return goOn.isOpen
    })
    await working.isOpen
    const recovery = requestRecovery(db, id, 'terminated')
    await waiting(sql, 1)
    goOn.open()
    await Promise.all([commit, recovery])
    expect(await row({ id })).toMatchObject({ status: 'recovering', committedAt: expect.any(Date) })
  })

  test('and a wish to cancel at once: always exactly one of them has its way', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { id } = await operation(db)
      const committing = commitOnce(db, id, nothing).then(() => 'committed', () => 'refused')
      const outcome = await Promise.all([committing, requestCancel(db, id)])
      expect([['committed', 'already_live'], ['refused', 'requested']]).toContainEqual(outcome)
    }
  })
})

describe('a wish to cancel', () => {
  test('ends what is only queued', async () => {
    const { id } = await operation(db, { status: 'queued' })
    expect(await requestCancel(db, id)).toBe('cancelled')
    expect(await row({ id })).toMatchObject({ status: 'cancelled', finishedAt: expect.any(Date) })
  })

  test('of a child is one of the whole tree', async () => {
    const root = await operation(db)
    const child = childOf(root, newId())
    await insertChildren(db, root, [child])
    expect(await requestCancel(db, child.id)).toBe('requested')
    expect((await row(root)).cancelRequestedAt).toBeInstanceOf(Date)
  })

  test('keeps its first time when it is repeated', async () => {
    const { id } = await operation(db)
    await requestCancel(db, id)
    const { cancelRequestedAt } = await row({ id })
    await requestCancel(db, id)
    expect((await row({ id })).cancelRequestedAt).toEqual(cancelRequestedAt)
  })

  test('is to be delivered once the workflow runs, until that is done', async () => {
    const { id } = await operation(db, { status: 'pending' })
    const toDeliver = async () => (await undeliveredCancels(db)).filter((cancel) => cancel.id === id)
    await requestCancel(db, id)
    expect(await toDeliver()).toEqual([])
    await beginOperation(db, id, 'run-1')
    expect(await toDeliver()).toEqual([{ id, kind: 'environment_deploy' }])
    await markCancelDelivered(db, id)
    expect(await toDeliver()).toEqual([])
  })

  test('comes too late after the end', async () => {
    const { id } = await operation(db)
    await finishOperation(db, id, { status: 'succeeded' })
    expect(await requestCancel(db, id)).toBe('already_ended')
  })
})

describe('recovery', () => {
  const recoveriesOf = (lost: Operation) => db.select().from(operations).where(eq(operations.targetId, lost.id)).orderBy(operations.sequence)
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)

  test('of a lost operation is a pending operation of the same organisation, asked for once', async () => {
    const lost = await operation(db)
    await Promise.all([1, 2, 3].map(() => requestRecovery(db, lost.id, 'terminated')))
    expect(await recoveriesOf(lost)).toMatchObject([
      { kind: 'operation_recover', targetType: 'operation', status: 'pending', organisationId: lost.organisationId, trigger: { cause: 'terminated' } },
    ])
    expect(await row(lost)).toMatchObject({ status: 'recovering', finishedAt: null })
  })

  test('is not asked for what has ended or has not begun', async () => {
    const [ended, pending] = [await operation(db), await operation(db, { status: 'pending' })]
    await finishOperation(db, ended.id, { status: 'succeeded' })
    await requestRecovery(db, ended.id, 'terminated')
    await requestRecovery(db, pending.id, 'terminated')
    expect([...(await recoveriesOf(ended)), ...(await recoveriesOf(pending))]).toEqual([])
  })

  test('that is lost itself has failed, and another one of the same operation takes its place', async () => {
    const lost = await operation(db)
    await requestRecovery(db, lost.id, 'terminated')
    const [first] = await recoveriesOf(lost)
    await beginOperation(db, first!.id, 'run-1')
    await requestRecovery(db, first!.id, 'terminated too')
    expect(await recoveriesOf(lost)).toMatchObject([
      { status: 'failed', failure: { code: 'workflow_lost' } },
      { status: 'pending', summary: first!.summary },
    ])
    expect((await row(lost)).status).toBe('recovering')
  })

  test('that ended without its operation is repeated after a minute, once at a time', async () => {
    const lost = await operation(db)
    await requestRecovery(db, lost.id, 'terminated')
    const [first] = await recoveriesOf(lost)
    await finishOperation(db, first!.id, { status: 'failed', failure })
    await repeatRecoveries(db)
    expect(await recoveriesOf(lost)).toHaveLength(1)
    await db.update(operations).set({ finishedAt: minutesAgo(2) }).where(eq(operations.id, first!.id))
    await Promise.all([repeatRecoveries(db), repeatRecoveries(db)])
    expect((await recoveriesOf(lost)).map(({ status }) => status)).toEqual(['failed', 'pending'])
  })

  test('is not repeated where its operation has ended', async () => {
    const lost = await operation(db)
    await requestRecovery(db, lost.id, 'terminated')
    const [recovery] = await recoveriesOf(lost)
    await finishOperation(db, lost.id, { status: 'failed', failure }, ['recovering'])
    await finishOperation(db, recovery!.id, { status: 'succeeded' })
    await db.update(operations).set({ finishedAt: minutesAgo(2) }).where(eq(operations.id, recovery!.id))
    await repeatRecoveries(db)
    expect(await recoveriesOf(lost)).toHaveLength(1)
  })
})

test('a workflow that ended before it had begun fails its operation, but none that has begun meanwhile', async () => {
  const [pending, begun] = [await operation(db, { status: 'pending' }), await operation(db)]
  await failUnbegun(db, pending.id)
  await failUnbegun(db, begun.id)
  expect([await row(pending), await row(begun)]).toMatchObject([{ status: 'failed', failure: { code: 'workflow_lost' } }, { status: 'running' }])
})
