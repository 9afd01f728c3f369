import type { Database } from '../db/connect.ts'
import { deleteDrained, type RateLimit, takeAttempt } from '../db/rate-limits.ts'
import { tooManyRequests } from './rate-limit.ts'

/** Counts what has been refused, in all processes together. */
export interface Refusals {
  /** Counts one more. Throws a 429 that says when to come again, where that is one too many. */
  count(key: string): Promise<void>
  /** Throws the same where this process has seen that it is too many. Asks nobody, so that what is not refused costs nothing. */
  refuseExhausted(key: string): void
}

/** Keys are those of `takeAttempt`; `seconds` is a clock that only goes forward. */
export function createRefusals(db: Database, limit: RateLimit, seconds = () => performance.now() / 1000): Refusals {
  const exhaustedUntil = new Map<string, number>()
  return {
    async count(key) {
      await deleteDrained(db)
      const wait = await takeAttempt(db, key, limit)
      if (wait === null) return
      for (const [other, until] of exhaustedUntil) if (until <= seconds()) exhaustedUntil.delete(other)
      exhaustedUntil.set(key, seconds() + wait)
      throw tooManyRequests(wait)
    },
    refuseExhausted(key) {
      const left = (exhaustedUntil.get(key) ?? 0) - seconds()
      if (left > 0) throw tooManyRequests(Math.ceil(left))
    },
  }
}
