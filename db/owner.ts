import { asc, sql } from 'drizzle-orm'
import type { Secret } from '../domain/secret.ts'
import { createOrganisation } from './access.ts'
import { issueToken } from './api-tokens.ts'
import { recordAudit } from './audit.ts'
import type { Database } from './connect.ts'
import { users } from './schema/index.ts'
import { accountOf, changeUser } from './users.ts'

const dayInSeconds = 86_400

/**
 * Makes the first user, the owner of an organisation `default`, where there is no user at all. Returns the owner's token when
 * it was made by this very call, else null: it cannot be shown again.
 */
export async function ensureOwner(db: Database): Promise<Secret | null> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtext('keystone.owner'))`)
    if ((await tx.$count(users)) > 0) return null
    const [owner] = await tx.insert(users).values({ email: 'owner@localhost', name: 'Owner' }).returning()
    if (!owner) throw new Error('the owner was not stored')
    await createOrganisation(tx, { name: 'default', userId: owner.id })
    const { text } = await issueToken(tx, { kind: 'personal', userId: owner.id, name: 'first token', lifetimeSeconds: null })
    return text
  })
}

/** A token of the first user's for one day, for what runs on this machine in his name. Throws where there is no user. */
export async function issueOwnerToken(db: Database, name: string): Promise<Secret> {
  const [owner] = await db.select({ id: users.id }).from(users).orderBy(asc(users.createdAt)).limit(1)
  if (!owner) throw new Error('there is no user yet')
  const { text } = await issueToken(db, { kind: 'personal', userId: owner.id, name, lifetimeSeconds: dayInSeconds })
  return text
}

/**
 * Lets a user in again who has lost his password: it is gone, and the token that this returns is his for one day, enough to set another.
 * Null where there is no such user. For who runs Keystone; it stands in the audit of the account.
 */
export async function recoverUser(db: Database, email: string): Promise<Secret | null> {
  return db.transaction(async (tx) => {
    const account = await accountOf(tx, email)
    if (!account) return null
    const { id: userId } = account
    await changeUser(tx, userId, { passwordHash: null })
    const { id: tokenId, text } = await issueToken(tx, { kind: 'personal', userId, name: 'recovery', lifetimeSeconds: dayInSeconds })
    await recordAudit(tx, null, { userId, tokenId }, { action: 'user.recovered', targetType: 'user', targetId: userId })
    return text
  })
}
