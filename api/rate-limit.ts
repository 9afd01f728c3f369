import { Problem } from './problem.ts'

/** How much is let through: `burst` at once, and `perSecond` from then on. */
export interface RateLimit {
  burst: number
  perSecond: number
}

/** Counts by key, in this process alone. */
export interface RateLimiter {
  /** Counts one more. Throws a 429 that says when to come again, and counts nothing then. */
  take(key: string): void
}

interface Bucket {
  left: number
  at: number
}

const mostKeys = 10_000

/** Buckets that fill again with time; `seconds` is a clock that only goes forward. */
export function createRateLimiter({ burst, perSecond }: RateLimit, seconds = () => performance.now() / 1000): RateLimiter {
  const buckets = new Map<string, Bucket>()
  const filled = (key: string): Bucket => {
    const now = seconds()
    const { left, at } = buckets.get(key) ?? { left: burst, at: now }
    return { left: Math.min(burst, left + (now - at) * perSecond), at: now }
  }
  return {
    take(key) {
      const { left, at } = filled(key)
      if (left < 1) throw tooManyRequests(Math.ceil((1 - left) / perSecond))
      // What was used longest ago is the first to be forgotten.
      buckets.delete(key)
      buckets.set(key, { left: left - 1, at })
      const [oldest] = buckets.size > mostKeys ? buckets.keys() : []
      if (oldest !== undefined) buckets.delete(oldest)
    },
  }
}

export const tooManyRequests = (retryAfterSeconds: number): Problem =>
  new Problem(429, 'rate_limited', `Too many requests: come again in ${retryAfterSeconds} s.`, {
    headers: { 'retry-after': String(retryAfterSeconds) },
  })
