import { createHash } from 'node:crypto'
import type { Database } from '../db/connect.ts'
import { deleteDrained, forgetAttempts, type RateLimit, takeAttempt } from '../db/rate-limits.ts'
import { networkOf } from './client-address.ts'
import { Problem } from './problem.ts'

/** Many people may be behind one address, and one of them may mistype his password a few times. */
const ofAddress: RateLimit = { burst: 30, everySeconds: 10 }
const ofAccount: RateLimit = { burst: 10, everySeconds: 60 }

/** Whose password is tried, from where. */
export interface Attempt {
  email: string
  address: string | null
}

/** Counts an attempt before the password is looked at. Throws a 429 where there were too many, also for accounts that do not exist. */
export async function countAttempt(db: Database, { email, address }: Attempt): Promise<void> {
  await deleteDrained(db)
  const ofNetwork = address === null ? null : await takeAttempt(db, `login/address/${networkOf(address)}`, ofAddress)
  const seconds = ofNetwork ?? (await takeAttempt(db, accountKey(email), ofAccount))
  if (seconds === null) return
  const detail = `There were too many attempts: try again in ${seconds} s.`
  throw new Problem(429, 'too_many_attempts', detail, { headers: { 'retry-after': String(seconds) } })
}

/** Who had the password is not held up by attempts of his own. Those of his address stay counted: others use it too. */
export const forgetAttemptsOf = (tx: Database, email: string): Promise<void> => forgetAttempts(tx, accountKey(email))

/** Hashed, since a password may be typed where the address belongs. */
const accountKey = (email: string): string => `login/account/${createHash('sha256').update(email.toLowerCase()).digest('hex')}`
