import { and, eq, inArray, lt, sql } from 'drizzle-orm'
import type { Database } from './connect.ts'
import { rateLimits } from './schema/index.ts'

/** `burst` attempts at once, and from then on one every `everySeconds`. */
export interface RateLimit {
  burst: number
  everySeconds: number
}

/**
 * Takes an attempt from what `key` may make: null where it has one, else after how many seconds there is one again. A leaky bucket in
 * one statement, so that attempts of many processes at once are counted one by one.
 */
export async function takeAttempt(db: Database, key: string, { burst, everySeconds }: RateLimit): Promise<number | null> {
  const { drainedAt } = rateLimits
  const every = sql`make_interval(secs => ${everySeconds})`
  const latest = sql`now() + make_interval(secs => ${everySeconds * (burst - 1)})`
  const taken = await db
    .insert(rateLimits)
    .values({ key, drainedAt: sql`now() + ${every}` })
    .onConflictDoUpdate({
      target: rateLimits.key,
      set: { drainedAt: sql`greatest(${drainedAt}, now()) + ${every}` },
      setWhere: sql`${drainedAt} <= ${latest}`,
    })
    .returning({ key: rateLimits.key })
  if (taken.length > 0) return null
  const seconds = sql<number>`ceil(extract(epoch from ${drainedAt} - (${latest})))::int`
  const [full] = await db.select({ seconds }).from(rateLimits).where(eq(rateLimits.key, key))
  return Math.max(1, full?.seconds ?? 1)
}

/** Gives a key all its attempts back. */
export async function forgetAttempts(tx: Database, key: string): Promise<void> {
  await tx.delete(rateLimits).where(eq(rateLimits.key, key))
}

const mostAtOnce = 100

/** Deletes some of the rows that mean nothing any more; call it where attempts are taken. */
export async function deleteDrained(db: Database): Promise<void> {
  const drained = lt(rateLimits.drainedAt, sql`now()`)
  const some = db.select({ key: rateLimits.key }).from(rateLimits).where(drained).limit(mostAtOnce).for('update', { skipLocked: true })
  await db.delete(rateLimits).where(and(inArray(rateLimits.key, some), drained))
}
