import { and, desc, eq, getTableColumns, gt, isNull, ne, notInArray, or, sql } from 'drizzle-orm'
import type { OrganisationId, UserId } from '../domain/ids.ts'
import { endedStatuses } from '../domain/operations.ts'
import type { Possessions } from '../domain/removals.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { apiTokens, applications, memberships, operations, organisations, providers, servers, services, users } from './schema/index.ts'
import { tokenHash } from './tokens.ts'

/** A tenant: everything else belongs to one. */
export type Organisation = typeof organisations.$inferSelect
/** What a member may do, from `owner` down to `viewer`. */
export type Role = (typeof memberships.$inferSelect)['role']

/** Who a token speaks for. A null organisation reaches all of the user's; null scopes take nothing away. */
export interface TokenHolder {
  tokenId: string
  userId: UserId
  email: string
  organisationId: OrganisationId | null
  scopes: string[] | null
}

/** The holder of a bearer token, found by its hash; null when it is unknown, revoked or expired. */
export async function tokenHolder(db: Database, text: string): Promise<TokenHolder | null> {
  const [found] = await db
    .select({
      tokenId: apiTokens.id,
      userId: users.id,
      email: users.email,
      organisationId: apiTokens.organisationId,
      scopes: apiTokens.scopes,
      isFresh: sql<boolean>`coalesce(${apiTokens.lastUsedAt} > now() - interval '1 minute', false)`,
    })
    .from(apiTokens)
    .innerJoin(users, eq(users.id, apiTokens.userId))
    .where(
      and(
        eq(apiTokens.hash, tokenHash(text)),
        isNull(apiTokens.revokedAt),
        or(isNull(apiTokens.expiresAt), gt(apiTokens.expiresAt, sql`now()`)),
      ),
    )
  if (!found) return null
  const { isFresh, ...holder } = found
  if (!isFresh) await db.update(apiTokens).set({ lastUsedAt: sql`now()` }).where(eq(apiTokens.id, holder.tokenId))
  return holder
}

const reachableBy = (holder: TokenHolder) =>
  and(
    eq(memberships.userId, holder.userId),
    holder.organisationId === null ? undefined : eq(memberships.organisationId, holder.organisationId),
  )

/** The holder's membership in an organisation that the token reaches. */
export async function membershipOf(
  db: Database,
  holder: TokenHolder,
  id: OrganisationId,
): Promise<{ id: OrganisationId; role: Role } | null> {
  const [found] = await db
    .select({ id: memberships.organisationId, role: memberships.role })
    .from(memberships)
    .innerJoin(organisations, eq(organisations.id, memberships.organisationId))
    .where(and(reachableBy(holder), eq(memberships.organisationId, id), isNull(organisations.removedAt)))
  return found ?? null
}

/** Organisations that the holder is a member of and the token reaches, newest first. */
export async function organisationsOf(db: Database, holder: TokenHolder, page: PageRequest): Promise<Page<Organisation>> {
  const rows = await db
    .select(getTableColumns(organisations))
    .from(organisations)
    .innerJoin(memberships, eq(memberships.organisationId, organisations.id))
    .where(and(reachableBy(holder), isNull(organisations.removedAt), behindCursor(organisations.id, page)))
    .orderBy(desc(organisations.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

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
