import { randomBytes } from 'node:crypto'
import { issueToken } from '../db/api-tokens.ts'
import { recordAudit } from '../db/audit.ts'
import type { Database } from '../db/connect.ts'
import { accountOf } from '../db/users.ts'
import type { TokenId, UserId } from '../domain/ids.ts'
import { Secret } from '../domain/secret.ts'
import { hashPassword, isPassword } from '../drivers/secrets/passwords.ts'
import { type Attempt, countAttempt, forgetAttemptsOf } from './attempts.ts'
import type { ApiDependencies } from './context.ts'
import { invalidField, Problem } from './problem.ts'

const sessionSeconds = 12 * 3600

export interface Session {
  tokenId: TokenId
  token: Secret
  expiresAt: Date
}

/**
 * Finds the user whose address and password these are. Throws a 401 that is the same, after the same time, for an account that does not
 * exist, and a 429 after too many attempts.
 */
export function passwordCheck({ db }: Pick<ApiDependencies, 'db'>): (attempt: Attempt, password: Secret) => Promise<UserId> {
  const nobodys = hashPassword(new Secret(randomBytes(16).toString('hex')))
  return async (attempt, password) => {
    await countAttempt(db, attempt)
    const account = await accountOf(db, attempt.email)
    const isRight = await isPassword(account?.passwordHash ?? (await nobodys), password)
    if (account?.passwordHash && isRight) return account.id
    throw new Problem(401, 'login_failed', 'E-mail or password is wrong.', { headers: { 'www-authenticate': 'Bearer realm="keystone"' } })
  }
}

/**
 * Lets who has a password pass only with it: a token alone does not change it. Throws a 422 naming the field, and a 429 after too many
 * attempts.
 */
export async function requirePassword(db: Database, attempt: Attempt, given: string | undefined): Promise<void> {
  const account = await accountOf(db, attempt.email)
  if (!account?.passwordHash) return
  await countAttempt(db, attempt)
  if (given === undefined || !(await isPassword(account.passwordHash, new Secret(given)))) {
    throw invalidField('currentPassword', 'is not your password', 'wrong_password')
  }
  await forgetAttemptsOf(db, attempt.email)
}

/** Begins a session of a user who has shown who he is: a token of his own that ends by itself. */
export async function beginSession(tx: Database, userId: UserId, { email, address }: Attempt): Promise<Session> {
  const { id: tokenId, text } = await issueToken(tx, { kind: 'session', userId, name: 'login', lifetimeSeconds: sessionSeconds })
  await forgetAttemptsOf(tx, email)
  await recordAudit(tx, null, { userId, tokenId }, { action: 'user.logged_in', targetType: 'user', targetId: userId, details: { address } })
  return { tokenId, token: text, expiresAt: new Date(Date.now() + sessionSeconds * 1000) }
}
