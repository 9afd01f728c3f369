import { afterAll, describe, expect, test } from 'vitest'
import { childId, newId } from '../../../db/ids.ts'
import { beginOperation, operationById } from '../../../db/operations/begin.ts'
import { markCancelDelivered, requestCancel, undeliveredCancels } from '../../../db/operations/cancel.ts'
import { insertChildren } from '../../../db/operations/children.ts'
import { finishOperation } from '../../../db/operations/finish.ts'
import type { Operation } from '../../../db/operations/request.ts'
import type { OperationId } from '../../../domain/ids.ts'
import { createTestDatabase } from '../../database.ts'
import { operation } from '../rows.ts'

const database = await createTestDatabase()
const { db } = database
afterAll(database.close)

const row = ({ id }: Pick<Operation, 'id'>) => operationById(db, id)

function childOf(root: Operation, targetId: string) {
  const id = childId<OperationId>(root.id, 'service_deploy', targetId)
  return { id, parentId: root.id, kind: 'service_deploy', targetType: 'service', targetId, summary: 'deploy web' } as const
}

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
