import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { beginOperation, operationById } from '../../../db/operations/begin.ts'
import { failUnbegun } from '../../../db/operations/dispatch.ts'
import { finishOperation } from '../../../db/operations/finish.ts'
import { repeatRecoveries, requestConvergence, requestRecovery } from '../../../db/operations/recover.ts'
import type { Operation } from '../../../db/operations/request.ts'
import { operationLocks, operations } from '../../../db/schema/index.ts'
import { createTestDatabase } from '../../database.ts'
import { operation } from '../rows.ts'

const database = await createTestDatabase()
const { db } = database
afterAll(database.close)

const failure = { code: 'step_failed', message: 'Step "build" ended with exit code 1.' }
const row = ({ id }: Pick<Operation, 'id'>) => operationById(db, id)

describe('recovery', () => {
  const recoveriesOf = (lost: Operation) => db.select().from(operations).where(eq(operations.targetId, lost.id)).orderBy(operations.sequence)
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)

  test('of a lost operation is a pending operation of the same organisation, asked for once', async () => {
    const lost = await operation(db)
    const asked = await Promise.all([1, 2, 3].map(() => requestRecovery(db, lost.id, 'terminated')))
    expect(asked.filter(Boolean)).toHaveLength(1)
    expect(await recoveriesOf(lost)).toMatchObject([
      { kind: 'operation_recover', targetType: 'operation', status: 'pending', organisationId: lost.organisationId, trigger: { cause: 'terminated' } },
    ])
    expect(await row(lost)).toMatchObject({ status: 'recovering', finishedAt: null })
  })

  test('is not asked for what has ended or has not begun', async () => {
    const [ended, pending] = [await operation(db), await operation(db, { status: 'pending' })]
    await finishOperation(db, ended.id, { status: 'succeeded' })
    expect(await requestRecovery(db, ended.id, 'terminated')).toBe(false)
    expect(await requestRecovery(db, pending.id, 'terminated')).toBe(false)
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

describe('what could not be taken back whole', () => {
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)
  const recoveriesOf = (ended: Operation) => db.select().from(operations).where(eq(operations.targetId, ended.id)).orderBy(operations.sequence)
  const abandoned = async () => {
    const ended = await operation(db)
    await finishOperation(db, ended.id, { status: 'failed', failure })
    await db.update(operations).set({ needsConvergence: true, finishedAt: minutesAgo(2) }).where(eq(operations.id, ended.id))
    await db.insert(operationLocks).values({ operationId: ended.id, key: `environment/${ended.targetId}`, mode: 'exclusive' })
    return ended
  }

  test('is recovered under the same locks, by one recovery at a time, until it is', async () => {
    const ended = await abandoned()
    await Promise.all([1, 2, 3].map(() => requestConvergence(db)))
    const [first, ...more] = await recoveriesOf(ended)
    expect(first).toMatchObject({ kind: 'operation_recover', status: 'pending', trigger: { actor: 'dispatcher' } })
    expect(more).toEqual([])
    const locks = await db.select().from(operationLocks).where(eq(operationLocks.operationId, first!.id))
    expect(locks).toMatchObject([{ key: `environment/${ended.targetId}`, mode: 'exclusive' }])
    await finishOperation(db, first!.id, { status: 'failed', failure })
    await requestConvergence(db)
    expect(await recoveriesOf(ended)).toHaveLength(1)
    await db.update(operations).set({ finishedAt: minutesAgo(2) }).where(eq(operations.id, first!.id))
    await requestConvergence(db)
    expect(await recoveriesOf(ended)).toHaveLength(2)
  })

  test('waits for who has the locks now', async () => {
    const ended = await abandoned()
    const next = await operation(db, { status: 'running' })
    await db.insert(operationLocks).values({ operationId: next.id, key: `environment/${ended.targetId}`, mode: 'exclusive' })
    await requestConvergence(db)
    expect(await recoveriesOf(ended)).toMatchObject([{ status: 'queued' }])
  })

  test('is left alone once it was taken back', async () => {
    const ended = await abandoned()
    await db.update(operations).set({ needsConvergence: false }).where(eq(operations.id, ended.id))
    await requestConvergence(db)
    expect(await recoveriesOf(ended)).toEqual([])
  })
})
