import { and, desc, eq, getTableColumns, gt, isNull, or, sql } from 'drizzle-orm'
import type { OrganisationId, UserId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { apiTokens, memberships, organisations, users } from './schema/index.ts'
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
    .where(and(reachableBy(holder), eq(memberships.organisationId, id)))
  return found ?? null
}

/** Organisations that the holder is a member of and the token reaches, newest first. */
export async function organisationsOf(db: Database, holder: TokenHolder, page: PageRequest): Promise<Page<Organisation>> {
  const rows = await db
    .select(getTableColumns(organisations))
    .from(organisations)
    .innerJoin(memberships, eq(memberships.organisationId, organisations.id))
    .where(and(reachableBy(holder), behindCursor(organisations.id, page)))
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
