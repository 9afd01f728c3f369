import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { leaveQueue, takeTurn } from '../../db/builds.ts'
import { finishOperation } from '../../db/operations/finish.ts'
import type { OperationId, OrganisationId, ServiceId } from '../../domain/ids.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'
import * as rows from './rows.ts'

let database: TestDatabase
let organisationId: OrganisationId
let builderServiceId: ServiceId

beforeAll(async () => {
  database = await createTestDatabase()
  organisationId = await rows.organisation(database.db)
})
beforeEach(async () => {
  builderServiceId = await rows.service(database.db, organisationId, { category: 'builder', type: 'buildkit', driverName: 'buildkit' })
})
afterAll(() => database.close())

const turnOf = (operationId: OperationId, slots = 1) =>
  database.db.transaction((tx) => takeTurn(tx, { operationId, builderServiceId, slots }))

const queued = async (count: number, slots = 1) => {
  const ids: OperationId[] = []
  for (let index = 0; index < count; index += 1) {
    const { id } = await rows.operation(database.db, { organisationId, status: 'running' })
    ids.push(id)
    await turnOf(id, slots)
  }
  return ids
}

describe('the queue of a builder', () => {
  it('gives turns in the order in which builds came, as many at once as there are slots', async () => {
    const [first, second, third] = await queued(3, 2)
    expect([await turnOf(first!, 2), await turnOf(second!, 2), await turnOf(third!, 2)]).toEqual([{ ahead: 0 }, { ahead: 0 }, { ahead: 1 }])
    await leaveQueue(database.db, first!)
    expect(await turnOf(third!, 2)).toEqual({ ahead: 0 })
  })

  it('does not wait for an operation that has ended, however it ended', async () => {
    const [lost, next] = await queued(2)
    expect(await turnOf(next!)).toEqual({ ahead: 1 })
    await finishOperation(database.db, lost!, { status: 'cancelled' }, ['running'])
    expect(await turnOf(next!)).toEqual({ ahead: 0 })
  })

  it('gives a turn to one alone, however many ask at once, and keeps the place of who asks again', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, async () => (await rows.operation(database.db, { organisationId, status: 'running' })).id))
    const turns = await Promise.all(ids.map((id) => turnOf(id)))
    expect(turns.filter(({ ahead }) => ahead === 0)).toHaveLength(1)
    const again = await Promise.all(ids.map((id) => turnOf(id)))
    expect(again.map(({ ahead }) => ahead).toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(again.findIndex(({ ahead }) => ahead === 0)).toBe(turns.findIndex(({ ahead }) => ahead === 0))
  })
})
