import { and, desc, eq, getTableColumns, isNull, ne, type SQL, sql } from 'drizzle-orm'
import type { OrganisationId, TokenId, UserId } from '../domain/ids.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { apiTokens, users } from './schema/index.ts'
import { newToken } from './tokens.ts'

type Stored = typeof apiTokens.$inferSelect

/** A token as it is listed: never its hash. `createdBy` is an address, or null where nobody is known to have made it. */
export type ApiToken = Omit<Stored, 'hash' | 'createdBy'> & { createdBy: string | null }

type Wished = Pick<Stored, 'kind' | 'name'> & Partial<Pick<Stored, 'organisationId' | 'userId' | 'createdBy' | 'scopes'>>

/** What a new token is for, and for how long; a null lifetime has no end. */
export type TokenWish = Wished & { lifetimeSeconds: number | null }

/** Makes a token. Its text is not stored: show it now. */
export async function issueToken(tx: Database, { lifetimeSeconds, ...wish }: TokenWish): Promise<{ id: TokenId; text: Secret }> {
  const { text, prefix, hash } = newToken()
  const expiresAt = lifetimeSeconds === null ? null : sql`now() + make_interval(secs => ${lifetimeSeconds})`
  const [created] = await tx.insert(apiTokens).values({ ...wish, prefix, hash, expiresAt }).returning({ id: apiTokens.id })
  if (!created) throw new Error('the token was not stored')
  return { id: created.id, text }
}

/** Whose tokens are meant: all that speak for a user, or those that an organisation has itself. */
export type TokenOwner = { userId: UserId } | { organisationId: OrganisationId }

/** Tokens that are not revoked, newest first, also expired ones. */
export async function tokensOf(db: Database, owner: TokenOwner, page: PageRequest): Promise<Page<ApiToken>> {
  const rows = await selectTokens(db, and(ownedBy(owner), behindCursor(apiTokens.id, page))).orderBy(desc(apiTokens.id)).limit(page.limit + 1)
  return cutPage(rows, page)
}

/** One of them that is not revoked; null where there is none. */
export async function tokenOf(db: Database, owner: TokenOwner, id: TokenId): Promise<ApiToken | null> {
  const [found] = await selectTokens(db, and(ownedBy(owner), eq(apiTokens.id, id)))
  return found ?? null
}

/** The token opens nothing any more, from the next request on. */
export async function revokeToken(tx: Database, id: TokenId): Promise<void> {
  await revoke(tx, eq(apiTokens.id, id))
}

/** Ends the sessions of a user but for the one that is to stay. */
export async function revokeSessions(tx: Database, userId: UserId, stays: TokenId): Promise<void> {
  await revoke(tx, and(eq(apiTokens.userId, userId), eq(apiTokens.kind, 'session'), ne(apiTokens.id, stays)))
}

/** Who is no member any more has no token of this organisation either, also if he comes back. */
export async function revokeTokensIn(tx: Database, organisationId: OrganisationId, userId: UserId): Promise<void> {
  await revoke(tx, and(eq(apiTokens.userId, userId), eq(apiTokens.organisationId, organisationId)))
}

async function revoke(tx: Database, which: SQL | undefined): Promise<void> {
  await tx.update(apiTokens).set({ revokedAt: sql`now()` }).where(and(which, isNull(apiTokens.revokedAt)))
}

const ownedBy = (owner: TokenOwner) =>
  and(
    isNull(apiTokens.revokedAt),
    'userId' in owner ? eq(apiTokens.userId, owner.userId) : and(eq(apiTokens.organisationId, owner.organisationId), isNull(apiTokens.userId)),
  )

function selectTokens(db: Database, which: SQL | undefined) {
  const { hash: _hash, ...columns } = getTableColumns(apiTokens)
  return db
    .select({ ...columns, createdBy: users.email })
    .from(apiTokens)
    .leftJoin(users, eq(users.id, apiTokens.createdBy))
    .where(which)
}
