import { describe, expect, it } from 'vitest'
import { Problem } from '../../api/problem.ts'
import { createRateLimiter, type RateLimiter } from '../../api/rate-limit.ts'

const retryAfter = (act: () => void): string | null => {
  try {
    act()
  } catch (error) {
    if (error instanceof Problem && error.status === 429) return error.headers['retry-after'] ?? ''
    throw error
  }
  return null
}

/** How many of so many get through. */
const through = (limiter: RateLimiter, key: string, count: number) =>
  Array.from({ length: count }, () => retryAfter(() => limiter.take(key))).filter((refused) => refused === null).length

describe('a rate limit', () => {
  it('lets a burst through, then so much as time brings, and no more than a burst however long nobody came', () => {
    let now = 0
    const limiter = createRateLimiter({ burst: 10, perSecond: 2 }, () => now)
    expect(through(limiter, 'a', 20)).toBe(10)
    now += 3
    expect(through(limiter, 'a', 20)).toBe(6)
    now += 3600
    expect(through(limiter, 'a', 20)).toBe(10)
  })

  it('says when to come again, and that is soon enough', () => {
    let now = 0
    const limiter = createRateLimiter({ burst: 1, perSecond: 0.25 }, () => now)
    limiter.take('a')
    expect(retryAfter(() => limiter.take('a'))).toBe('4')
    now += 4
    expect(retryAfter(() => limiter.take('a'))).toBeNull()
  })

  it('counts each key for itself', () => {
    const limiter = createRateLimiter({ burst: 1, perSecond: 1 }, () => 0)
    limiter.take('a')
    expect([retryAfter(() => limiter.take('a')), retryAfter(() => limiter.take('b'))]).toEqual(['1', null])
  })

  it('forgets those who came longest ago, so that strangers do not fill its memory', () => {
    const limiter = createRateLimiter({ burst: 1, perSecond: 0.001 }, () => 0)
    limiter.take('first')
    for (let key = 0; key < 10_000; key += 1) limiter.take(`${key}`)
    expect(retryAfter(() => limiter.take('first'))).toBeNull()
    expect(retryAfter(() => limiter.take('9999'))).toBe('1000')
  })
})
