import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { connect } from '../../../db/connect.ts'
import { newId } from '../../../db/ids.ts'
import { admit } from '../../../db/operations/admit.ts'
import { finishOperation } from '../../../db/operations/finish.ts'
import type { Operation } from '../../../db/operations/request.ts'
import { requestOperation } from '../../../db/operations/request.ts'
import { requestCancel } from '../../../db/operations/cancel.ts'
import { operations } from '../../../db/schema/index.ts'
import { deployLocks, serverLocks, sliceLocks } from '../../../domain/locks.ts'
import { createTestDatabase } from '../../database.ts'
import { deployOf, organisation, requested } from '../rows.ts'
import { gate, waiting } from '../side-by-side.ts'

const database = await createTestDatabase()
const { db, sql } = database
afterAll(database.close)

const organisationId = await organisation(db)
const deploy = (environmentId: string) => requested(db, deployOf(organisationId, environmentId))
const statusOf = async ({ id }: Operation) => (await db.select().from(operations).where(eq(operations.id, id)))[0]!.status
const succeed = ({ id }: Operation) => finishOperation(db, id, { status: 'succeeded' })

describe('an operation', () => {
  test('that nothing is in the way of is admitted at once', async () => {
    expect(await deploy(newId())).toMatchObject({ status: 'pending', rootId: expect.any(String), parentId: null })
  })

  test('waits for an earlier one of the same environment, and is admitted by its end', async () => {
    const environmentId = newId<string>()
    const first = await deploy(environmentId)
    const second = await deploy(environmentId)
    expect(second.status).toBe('queued')
    await succeed(first)
    expect(await statusOf(second)).toBe('pending')
  })

  test('waits its turn: first in, first out, also behind one that only waits', async () => {
    const environmentId = newId<string>()
    const [first, second, third] = [await deploy(environmentId), await deploy(environmentId), await deploy(environmentId)]
    await succeed(first)
    expect([await statusOf(second), await statusOf(third)]).toEqual(['pending', 'queued'])
    await succeed(second)
    expect(await statusOf(third)).toBe('pending')
  })

  test('does not overtake on a key that is free when a key of an earlier one is not', async () => {
    const [one, two] = [newId<string>(), newId<string>()]
    const running = await requested(db, deployOf(organisationId, one))
    const locks = [one, two].map((id) => ({ key: `environment/${id}`, mode: 'exclusive' as const }))
    const both = await requested(db, deployOf(organisationId, two, { locks }))
    const behind = await requested(db, deployOf(organisationId, two))
    expect([both.status, behind.status]).toEqual(['queued', 'queued'])
    await succeed(running)
    expect([await statusOf(both), await statusOf(behind)]).toEqual(['pending', 'queued'])
  })

  test('without locks waits for nobody', async () => {
    const environmentId = newId<string>()
    await deploy(environmentId)
    expect(await requested(db, deployOf(organisationId, environmentId, { locks: [] }))).toMatchObject({ status: 'pending' })
  })

  test('keeps others out while it is recovering, and lets them in when it has failed', async () => {
    const environmentId = newId<string>()
    const lost = await deploy(environmentId)
    await db.update(operations).set({ status: 'recovering' }).where(eq(operations.id, lost.id))
    const next = await deploy(environmentId)
    expect(next.status).toBe('queued')
    await finishOperation(db, lost.id, { status: 'failed', failure: { code: 'workflow_lost', message: 'lost' } }, ['recovering'])
    expect(await statusOf(next)).toBe('pending')
  })

  test('is admitted when what it waited for is cancelled in the queue', async () => {
    const environmentId = newId<string>()
    const [first, second, third] = [await deploy(environmentId), await deploy(environmentId), await deploy(environmentId)]
    expect(await requestCancel(db, second.id)).toBe('cancelled')
    await succeed(first)
    expect([await statusOf(second), await statusOf(third)]).toEqual(['cancelled', 'pending'])
  })

  test('belongs to the transaction that asks for it: a wish that is rolled back leaves nothing and blocks nobody', async () => {
    const environmentId = newId<string>()
    const failing = db.transaction(async (tx) => {
      await requestOperation(tx, deployOf(organisationId, environmentId))
      throw new Error('the rest of the wish cannot be stored')
    })
    await expect(failing).rejects.toThrow('the rest of the wish')
    expect(await deploy(environmentId)).toMatchObject({ status: 'pending' })
  })

  test('wakes dispatchers when it is admitted, not when it is queued', async () => {
    const environmentId = newId<string>()
    const heard: string[] = []
    const listener = connect(database.url, 1)
    await listener.sql.listen('keystone_pending', () => void heard.push('pending'))
    const first = await deploy(environmentId)
    await deploy(environmentId)
    await succeed(first)
    await listener.sql.listen('mark', () => void heard.push('mark'))
    await sql.notify('mark', '')
    await expect.poll(() => heard.at(-1)).toBe('mark')
    expect(heard).toEqual(['pending', 'pending', 'mark'])
    await listener.close()
  })
})

describe('locks as the kinds take them', () => {
  const [serverId, serviceId] = [newId<string>(), newId<string>()]
  const under = (locks: ReturnType<typeof serverLocks>) => requested(db, deployOf(organisationId, newId<string>(), { locks }))
  const deployLocksOf = (environmentId: string) => deployLocks({ environmentId, serverIds: [serverId], usedServiceIds: [serviceId] })

  test('deploys of two environments share servers and services; the server itself waits for both, and those after it for the server', async () => {
    const [one, two] = [newId<string>(), newId<string>()]
    const first = await under(deployLocksOf(one))
    const second = await under(deployLocksOf(two))
    const provision = await under(serverLocks(serverId))
    const third = await under(deployLocksOf(newId()))
    expect([first.status, second.status, provision.status, third.status]).toEqual(['pending', 'pending', 'queued', 'queued'])
    await succeed(first)
    expect(await statusOf(provision)).toBe('queued')
    await succeed(second)
    expect([await statusOf(provision), await statusOf(third)]).toEqual(['pending', 'queued'])
    await succeed(provision)
    expect(await statusOf(third)).toBe('pending')
  })

  test('slices of one service are made side by side, the attached environment is deployed after', async () => {
    const environmentId = newId<string>()
    const sliceOf = (id: string, ...environmentIds: string[]) => under(sliceLocks({ id, serviceId, environmentIds, serverIds: [] }))
    const attached = await sliceOf(newId(), environmentId)
    const free = await sliceOf(newId())
    const deployed = await under(deployLocks({ environmentId, serverIds: [], usedServiceIds: [serviceId] }))
    expect([attached.status, free.status, deployed.status]).toEqual(['pending', 'pending', 'queued'])
    await succeed(attached)
    expect(await statusOf(deployed)).toBe('pending')
  })
})

describe('side by side on connections of their own', () => {
  test('two wishes for one environment: exactly one is admitted', async () => {
    for (let round = 0; round < 10; round += 1) {
      const environmentId = newId<string>()
      const wishes = await Promise.all([1, 2, 3].map(() => deploy(environmentId)))
      const statuses = await Promise.all(wishes.map(statusOf))
      expect(statuses.toSorted()).toEqual(['pending', 'queued', 'queued'])
    }
  })

  test('a wish waits for an earlier one whose transaction has not ended, and is behind it', async () => {
    const environmentId = newId<string>()
    const [stored, commit] = [gate(), gate()]
    const slow = db.transaction(async (tx) => {
      const operation = await requestOperation(tx, deployOf(organisationId, environmentId))
      stored.open()
      await commit.isOpen
      return operation
    })
    await stored.isOpen
    const quick = deploy(environmentId)
    await waiting(sql, 1)
    commit.open()
    expect([(await slow).status, (await quick).status]).toEqual(['pending', 'queued'])
    expect((await slow).sequence).toBeLessThan((await quick).sequence)
  })

  test('a wish whose transaction has done nothing yet keeps nobody waiting', async () => {
    const environmentId = newId<string>()
    const [begun, goOn] = [gate(), gate()]
    const slow = db.transaction(async (tx) => {
      await tx.execute('select 1')
      begun.open()
      await goOn.isOpen
      return requestOperation(tx, deployOf(organisationId, environmentId))
    })
    await begun.isOpen
    const quick = await deploy(environmentId)
    goOn.open()
    expect([quick.status, (await slow).status]).toEqual(['pending', 'queued'])
  })

  test('cancels of queued operations and the end of what they wait for do not block each other', async () => {
    for (let round = 0; round < 6; round += 1) {
      const environmentId = newId<string>()
      const first = await deploy(environmentId)
      const waiting = [await deploy(environmentId), await deploy(environmentId), await deploy(environmentId)]
      const [, ...answers] = await Promise.all([succeed(first), ...waiting.map(({ id }) => requestCancel(db, id))])
      expect(answers.every((answer) => answer === 'cancelled' || answer === 'requested')).toBe(true)
    }
  })

  test('an end admits exactly the next one, however often it is told', async () => {
    const environmentId = newId<string>()
    const first = await deploy(environmentId)
    const waiting = [await deploy(environmentId), await deploy(environmentId)]
    const ends = await Promise.all([1, 2, 3, 4].map(() => succeed(first)))
    expect(ends.filter(Boolean)).toHaveLength(1)
    expect(await Promise.all(waiting.map(statusOf))).toEqual(['pending', 'queued'])
  })
})

test('admitting once more changes nothing', async () => {
  const before = await db.select().from(operations).orderBy(operations.sequence)
  await db.transaction(admit)
  expect(await db.select().from(operations).orderBy(operations.sequence)).toEqual(before)
})
