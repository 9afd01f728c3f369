import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { newId } from '../../../db/ids.ts'
import { beginOperation } from '../../../db/operations/begin.ts'
import { requestCancel } from '../../../db/operations/cancel.ts'
import { finishOperation } from '../../../db/operations/finish.ts'
import { requestRecovery } from '../../../db/operations/recover.ts'
import type { OperationId } from '../../../domain/ids.ts'
import type { Lock } from '../../../domain/operations.ts'
import { createTestDatabase } from '../../database.ts'
import { deployOf, organisation, requested } from '../rows.ts'

const database = await createTestDatabase()
const { db, sql } = database
afterAll(database.close)

const organisationId = await organisation(db)

/** What can be done to the operations of one run; `at` picks one of those that were asked for before. */
type Act = { type: 'request'; locks: Lock[] } | { type: 'begin' | 'finish' | 'cancel' | 'lose' | 'recover'; at: number }

const locks = fc.uniqueArray(fc.record({ key: fc.constantFrom('a', 'b', 'c'), mode: fc.constantFrom('shared' as const, 'exclusive' as const) }), {
  selector: ({ key }) => key,
  minLength: 1,
})
const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('request' as const), locks }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('begin', 'finish', 'cancel', 'lose', 'recover'), at: fc.nat(20) }) },
)

interface World {
  /** Keys of this run are nobody else's. */
  prefix: string
  ids: OperationId[]
}

async function perform({ prefix, ids }: World, act: Act): Promise<void> {
  if (act.type === 'request') {
    const own = act.locks.map(({ key, mode }) => ({ key: `${prefix}/${key}`, mode }))
    ids.push((await requested(db, deployOf(organisationId, newId(), { locks: own }))).id)
    return
  }
  const id = ids[act.at % Math.max(1, ids.length)]
  if (!id) return
  switch (act.type) {
    case 'begin':
      return void (await beginOperation(db, id, 'run'))
    case 'finish':
      return void (await finishOperation(db, id, { status: 'succeeded' }, ['running']))
    case 'cancel':
      return void (await requestCancel(db, id))
    case 'lose':
      return void (await requestRecovery(db, id, 'terminated'))
    case 'recover':
      return void (await finishOperation(db, id, { status: 'cancelled' }, ['recovering']))
    default:
      act satisfies never
  }
}

/** Pairs of which both may work at this moment although their locks exclude each other. */
const together = (prefix: string) => sql`
  select one.operation_id, other.operation_id, one.key from operation_locks one
  join operation_locks other on other.key = one.key and other.operation_id > one.operation_id
  join operations a on a.id = one.operation_id and a.status in ('pending', 'running', 'recovering')
  join operations b on b.id = other.operation_id and b.status in ('pending', 'running', 'recovering')
  where one.key like ${`${prefix}/%`} and 'exclusive' in (one.mode, other.mode)`

/** Those that wait although nothing earlier that has not ended is in their way. */
const forgotten = (prefix: string) => sql`
  select o.id from operations o where o.status = 'queued' and exists (select from operation_locks where operation_id = o.id and key like ${`${prefix}/%`})
  and not exists (
    select from operation_locks ours join operation_locks theirs on theirs.key = ours.key and theirs.operation_id <> ours.operation_id
    join operations earlier on earlier.id = theirs.operation_id and earlier.finished_at is null and earlier.sequence < o.sequence
    where ours.operation_id = o.id and 'exclusive' in (ours.mode, theirs.mode))`

async function judge(prefix: string): Promise<void> {
  expect(await together(prefix)).toEqual([])
  expect(await forgotten(prefix)).toEqual([])
}

/** Ends what has been let in until nothing is left; that the queue moves on is the point. */
async function drain({ prefix, ids }: World): Promise<void> {
  for (let left = ids.length; left >= 0; left -= 1) {
    for (const id of ids) await finishOperation(db, id, { status: 'succeeded' }, ['pending', 'running', 'recovering'])
    await judge(prefix)
  }
  expect(await sql`select id from operations where id = any(${ids}::uuid[]) and finished_at is null`).toEqual([])
}

test('one after the other: nothing that excludes each other ever works together, nobody is forgotten, the queue drains', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(acts, { minLength: 5, maxLength: 25 }), async (all) => {
      const world: World = { prefix: newId<string>(), ids: [] }
      for (const act of all) {
        await perform(world, act)
        await judge(world.prefix)
      }
      await drain(world)
    }),
    { numRuns: 10 },
  )
}, 120_000)

test('side by side on connections of their own: the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(acts, { minLength: 2, maxLength: 6 }), { minLength: 2, maxLength: 6 }), async (waves) => {
      const world: World = { prefix: newId<string>(), ids: [] }
      for (const wave of waves) {
        await Promise.all(wave.map((act) => perform(world, act)))
        await judge(world.prefix)
      }
      await drain(world)
    }),
    { numRuns: 6 },
  )
}, 120_000)
