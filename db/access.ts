import { and, desc, eq, getTableColumns, gt, isNotNull, isNull, lte, ne, notInArray, or, type SQL, sql } from 'drizzle-orm'
import { narrowed, type Role, type TokenKind } from '../domain/access.ts'
import type { OrganisationId, TokenId, UserId } from '../domain/ids.ts'
import { endedStatuses } from '../domain/operations.ts'
import type { Possessions } from '../domain/removals.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { apiTokens, applications, memberships, operations, organisations, providers, servers, services, users } from './schema/index.ts'
import { isMistyped, tokenHash } from './tokens.ts'

/** A tenant: everything else belongs to one. */
export type Organisation = typeof organisations.$inferSelect

/**
 * Who a token speaks for: a user, or with a null user the organisation itself. A null organisation reaches all of the user's; null
 * scopes take nothing away.
 */
export interface TokenHolder {
  tokenId: TokenId
  kind: TokenKind
  userId: UserId | null
  /** What people know the holder by: the user's address, or the name of the organisation's token. */
  name: string
  organisationId: OrganisationId | null
  scopes: Role[] | null
}

/** The holder of a bearer token, found by its hash; null when it is unknown, revoked or expired. */
export async function tokenHolder(db: Database, text: string): Promise<TokenHolder | null> {
  if (isMistyped(text)) return null
  const [found] = await db
    .select({
      tokenId: apiTokens.id,
      kind: apiTokens.kind,
      userId: apiTokens.userId,
      name: sql<string>`coalesce(${users.email}, 'token ' || ${apiTokens.name})`,
      organisationId: apiTokens.organisationId,
      scopes: apiTokens.scopes,
      isFresh: sql<boolean>`coalesce(${apiTokens.lastUsedAt} > ${aMinuteAgo}, false)`,
    })
    .from(apiTokens)
    .leftJoin(users, eq(users.id, apiTokens.userId))
    .where(
      and(
        eq(apiTokens.hash, tokenHash(text)),
        isNull(apiTokens.revokedAt),
        or(isNull(apiTokens.expiresAt), gt(apiTokens.expiresAt, sql`now()`)),
      ),
    )
  if (!found) return null
  const { isFresh, ...holder } = found
  if (!isFresh) await rememberUse(db, holder.tokenId)
  return holder
}

const aMinuteAgo = sql`now() - interval '1 minute'`

/** At most once a minute, however many requests come at once. */
async function rememberUse(db: Database, id: TokenId): Promise<void> {
  const { lastUsedAt } = apiTokens
  const isStale = or(isNull(lastUsedAt), lte(lastUsedAt, aMinuteAgo))
  await db.update(apiTokens).set({ lastUsedAt: sql`now()`, updatedAt: apiTokens.updatedAt }).where(and(eq(apiTokens.id, id), isStale))
}

/** An organisation that a token reaches, with what it may do there. */
export type Reached = Organisation & { role: Role }

/** An organisation that the token reaches; null where it does not. */
export async function reachedBy(db: Database, holder: TokenHolder, id: OrganisationId): Promise<Reached | null> {
  const [found] = await selectReached(db, holder, eq(organisations.id, id))
  return found ? withRole(holder, found) : null
}

/** Organisations that the token reaches, newest first. */
export async function organisationsOf(db: Database, holder: TokenHolder, page: PageRequest): Promise<Page<Reached>> {
  const rows = await selectReached(db, holder, behindCursor(organisations.id, page)).orderBy(desc(organisations.id)).limit(page.limit + 1)
  return cutPage(rows.map((row) => withRole(holder, row)), page)
}

/** A user reaches what he is a member of, unless his token is of one organisation; a token that has no user reaches its own. */
function selectReached(db: Database, { userId, organisationId }: TokenHolder, which: SQL | undefined) {
  const ofUser = and(eq(memberships.organisationId, organisations.id), sql`${memberships.userId} = ${userId}`)
  const isMember = userId === null ? undefined : isNotNull(memberships.role)
  const isMeant = userId !== null && organisationId === null ? undefined : sql`${organisations.id} = ${organisationId}`
  return db
    .select({ ...getTableColumns(organisations), role: memberships.role })
    .from(organisations)
    .leftJoin(memberships, ofUser)
    .where(and(isMember, isMeant, isNull(organisations.removedAt), which))
}

/** A token that has no user is as mighty as its scopes say. */
const withRole = ({ scopes }: TokenHolder, { role, ...organisation }: Organisation & { role: Role | null }): Reached => ({
  ...organisation,
  role: narrowed(role ?? 'owner', scopes),
})

/** One organisation, whoever asks; null where there is none. */
export async function organisationById(db: Database, id: OrganisationId): Promise<Organisation | null> {
  const [found] = await db.select().from(organisations).where(eq(organisations.id, id))
  return found ?? null
}

/** A new organisation with its first owner. */
export async function createOrganisation(
  db: Database,
  { id = newId<OrganisationId>(), name, userId }: { id?: OrganisationId; name: string; userId: UserId },
): Promise<Organisation> {
  const [created] = await db.insert(organisations).values({ id, name }).returning()
  if (!created) throw new Error('the organisation was not stored')
  await db.insert(memberships).values({ organisationId: created.id, userId, role: 'owner' })
  return created
}

export async function renameOrganisation(tx: Database, id: OrganisationId, name: string): Promise<Organisation> {
  const [renamed] = await tx.update(organisations).set({ name, updatedAt: sql`now()` }).where(eq(organisations.id, id)).returning()
  if (!renamed) throw new Error(`organisation ${id} does not exist`)
  return renamed
}

/** Takes the row of an organisation until the transaction ends: nothing is made in it meanwhile. */
export async function lockOrganisation(tx: Database, id: OrganisationId): Promise<void> {
  await tx.select({ id: organisations.id }).from(organisations).where(eq(organisations.id, id)).for('update')
}

/** What an organisation has that may run. */
export async function possessionsOf(db: Database, id: OrganisationId): Promise<Possessions> {
  const isStandalone = and(eq(services.organisationId, id), isNull(services.environmentId), ne(services.status, 'removed'))
  const isOpen = and(eq(operations.organisationId, id), isNull(operations.parentId), notInArray(operations.status, [...endedStatuses]))
  const rows = {
    applications: await db.select({ name: applications.name }).from(applications).where(and(eq(applications.organisationId, id), isNull(applications.removedAt))),
    services: await db.select({ name: services.name }).from(services).where(isStandalone),
    servers: await db.select({ name: servers.name }).from(servers).where(and(eq(servers.organisationId, id), ne(servers.status, 'removed'))),
    providers: await db.select({ name: providers.name }).from(providers).where(eq(providers.organisationId, id)),
    operations: await db.select({ name: operations.summary }).from(operations).where(isOpen),
  }
  const names = (found: readonly { name: string }[]) => found.map(({ name }) => name)
  return {
    ...{ applications: names(rows.applications), services: names(rows.services), servers: names(rows.servers) },
    ...{ providers: names(rows.providers), operations: names(rows.operations) },
  }
}

/** An organisation is gone, and with it the tokens that reach nothing else. */
export async function removeOrganisation(tx: Database, id: OrganisationId): Promise<void> {
  await tx.update(organisations).set({ removedAt: sql`now()` }).where(eq(organisations.id, id))
  await tx.update(apiTokens).set({ revokedAt: sql`now()` }).where(and(eq(apiTokens.organisationId, id), isNull(apiTokens.revokedAt)))
}
