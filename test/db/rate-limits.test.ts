import { afterAll, describe, expect, test } from 'vitest'
import { deleteDrained, forgetAttempts, takeAttempt } from '../../db/rate-limits.ts'
import { createTestDatabase } from '../database.ts'

const database = await createTestDatabase()
const { db, sql } = database
afterAll(database.close)

const limit = { burst: 3, everySeconds: 60 }
const times = (count: number) => Array.from({ length: count }, (_, index) => index)

/** As if this much time had gone by. */
const later = (key: string, seconds: number) => sql`update rate_limits set drained_at = drained_at - make_interval(secs => ${seconds}) where key = ${key}`

describe('a limit', () => {
  test('takes a burst and then one at a time, and says when the next may come', async () => {
    const taken = []
    for (const _ of times(5)) taken.push(await takeAttempt(db, 'burst', limit))
    expect(taken.slice(0, 3)).toEqual([null, null, null])
    for (const seconds of taken.slice(3)) expect(seconds).toBeGreaterThan(55)
    expect(Math.max(...taken.map(Number))).toBeLessThanOrEqual(60)
    await later('burst', 60)
    expect([await takeAttempt(db, 'burst', limit), await takeAttempt(db, 'burst', limit)]).toEqual([null, expect.any(Number)])
  })

  test('is whole again after all of its time, and not more than that', async () => {
    for (const _ of times(3)) await takeAttempt(db, 'whole', limit)
    await later('whole', 100_000)
    const taken = []
    for (const _ of times(4)) taken.push(await takeAttempt(db, 'whole', limit))
    expect(taken.map((seconds) => seconds === null)).toEqual([true, true, true, false])
  })

  test('counts attempts that come at once one by one', async () => {
    const taken = await Promise.all(times(40).map(() => takeAttempt(db, 'at once', { burst: 7, everySeconds: 60 })))
    expect(taken.filter((seconds) => seconds === null)).toHaveLength(7)
  })

  test('is apart for every key, and given back', async () => {
    for (const _ of times(4)) await takeAttempt(db, 'one', limit)
    expect(await takeAttempt(db, 'other', limit)).toBeNull()
    await forgetAttempts(db, 'one')
    expect(await takeAttempt(db, 'one', limit)).toBeNull()
  })
})

test('what means nothing any more is deleted, and nothing else', async () => {
  await sql`delete from rate_limits`
  for (const key of ['past', 'present']) await takeAttempt(db, key, limit)
  await later('past', 61)
  await Promise.all(times(5).map(() => deleteDrained(db)))
  expect(await sql`select key from rate_limits`).toEqual([{ key: 'present' }])
})
