import { and, asc, count, eq, sql } from 'drizzle-orm'
import type { Role } from '../domain/access.ts'
import type { OrganisationId, UserId } from '../domain/ids.ts'
import { revokeTokensIn } from './api-tokens.ts'
import type { Database } from './connect.ts'
import type { Page, PageRequest } from './page.ts'
import { memberships, users } from './schema/index.ts'

/** A user with his role in an organisation, since when. */
export interface Member {
  id: UserId
  email: string
  name: string
  role: Role
  createdAt: Date
}

const shown = { id: users.id, email: users.email, name: users.name, role: memberships.role, createdAt: memberships.createdAt }

/** Members in the order in which they became users. */
export async function membersOf(db: Database, id: OrganisationId, { limit, cursor }: PageRequest): Promise<Page<Member>> {
  const behind = cursor ? sql`${users.id} > ${cursor}` : undefined
  const rows = await selectMembers(db).where(and(eq(memberships.organisationId, id), behind)).orderBy(asc(users.id)).limit(limit + 1)
  const items = rows.slice(0, limit)
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}

/** One member; null where the user is none. */
export async function memberOf(db: Database, organisationId: OrganisationId, userId: UserId): Promise<Member | null> {
  const [found] = await selectMembers(db).where(membership(organisationId, userId))
  return found ?? null
}

/** How many owners an organisation has; lock the organisation before, where it matters. */
export async function ownersOf(tx: Database, id: OrganisationId): Promise<number> {
  const [found] = await tx
    .select({ owners: count() })
    .from(memberships)
    .where(and(eq(memberships.organisationId, id), eq(memberships.role, 'owner')))
  return found?.owners ?? 0
}

/** Throws where he is a member already. */
export async function insertMember(tx: Database, member: { organisationId: OrganisationId; userId: UserId; role: Role }): Promise<void> {
  await tx.insert(memberships).values(member)
}

export async function changeRole(tx: Database, organisationId: OrganisationId, userId: UserId, role: Role): Promise<void> {
  await tx.update(memberships).set({ role }).where(membership(organisationId, userId))
}

/** The user is no member any more, and his tokens of this organisation open nothing. */
export async function removeMember(tx: Database, organisationId: OrganisationId, userId: UserId): Promise<void> {
  await tx.delete(memberships).where(membership(organisationId, userId))
  await revokeTokensIn(tx, organisationId, userId)
}

const membership = (organisationId: OrganisationId, userId: UserId) =>
  and(eq(memberships.organisationId, organisationId), eq(memberships.userId, userId))

const selectMembers = (db: Database) => db.select(shown).from(memberships).innerJoin(users, eq(users.id, memberships.userId))
