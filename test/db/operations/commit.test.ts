import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { childId, newId } from '../../../db/ids.ts'
import { holdRunning, operationById, OperationEnded } from '../../../db/operations/begin.ts'
import { requestCancel } from '../../../db/operations/cancel.ts'
import { insertChildren } from '../../../db/operations/children.ts'
import { CancelRequested, commitOnce } from '../../../db/operations/commit.ts'
import { finishOperation } from '../../../db/operations/finish.ts'
import { requestRecovery } from '../../../db/operations/recover.ts'
import type { Operation } from '../../../db/operations/request.ts'
import { startStep } from '../../../db/operations/steps.ts'
import { operations } from '../../../db/schema/index.ts'
import type { OperationId } from '../../../domain/ids.ts'
import { createTestDatabase } from '../../database.ts'
import { operation } from '../rows.ts'
import { gate, waiting } from '../side-by-side.ts'

const database = await createTestDatabase()
const { db, sql } = database
afterAll(database.close)

const row = ({ id }: Pick<Operation, 'id'>) => operationById(db, id)

function childOf(root: Operation, targetId: string) {
  const id = childId<OperationId>(root.id, 'service_deploy', targetId)
  return { id, parentId: root.id, kind: 'service_deploy', targetType: 'service', targetId, summary: 'deploy web' } as const
}

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
