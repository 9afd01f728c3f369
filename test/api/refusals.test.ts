import { afterAll, expect, it } from 'vitest'
import { Problem } from '../../api/problem.ts'
import { createRefusals, type Refusals } from '../../api/refusals.ts'
import { createTestDatabase } from '../database.ts'

const { db, close } = await createTestDatabase()
afterAll(close)

const limit = { burst: 3, everySeconds: 60 }
const isLimited = (error: unknown): boolean => error instanceof Problem && error.status === 429 && Number(error.headers['retry-after']) > 55
const isCounted = (refusals: Refusals, key: string) => refusals.count(key).then(() => true, (error: unknown) => !isLimited(error))
const isExhausted = (refusals: Refusals, key: string) => {
  try {
    refusals.refuseExhausted(key)
    return false
  } catch (error) {
    return isLimited(error)
  }
}

it('refusals are counted in all processes together, and each of them sees that by one of its own', async () => {
  const [one, other] = [createRefusals(db, limit), createRefusals(db, limit)]
  expect([await isCounted(one, 'a'), await isCounted(other, 'a'), await isCounted(one, 'a'), await isCounted(one, 'a')]).toEqual([true, true, true, false])
  expect([isExhausted(one, 'a'), isExhausted(other, 'a'), isExhausted(one, 'b')]).toEqual([true, false, false])
  expect([await isCounted(other, 'a'), isExhausted(other, 'a')]).toEqual([false, true])
})

it('who was refused may come again in time', async () => {
  let now = 0
  const refusals = createRefusals(db, limit, () => now)
  for (let time = 0; time < 4; time += 1) await isCounted(refusals, 'c')
  expect(isExhausted(refusals, 'c')).toBe(true)
  now += 61
  expect(isExhausted(refusals, 'c')).toBe(false)
})
