import { and, desc, eq, getTableColumns, gt, isNull, lte, sql } from 'drizzle-orm'
import type { Role } from '../domain/access.ts'
import type { InvitationId, OrganisationId, UserId } from '../domain/ids.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { invitations, organisations, users } from './schema/index.ts'
import { newToken, tokenHash } from './tokens.ts'

type Stored = typeof invitations.$inferSelect

/** Somebody who is to become a member, as is listed; `invitedBy` is an address, or null where a token of the organisation did it. */
export type Invitation = Pick<Stored, 'id' | 'organisationId' | 'email' | 'role' | 'expiresAt' | 'createdAt'> & { invitedBy: string | null }

export interface InvitationWish {
  organisationId: OrganisationId
  email: string
  role: Role
  invitedBy: UserId | null
  lifetimeSeconds: number
}

/** Invites an address; one that was not accepted in time makes room. Throws where an invitation of it is open. */
export async function insertInvitation(tx: Database, { lifetimeSeconds, ...wish }: InvitationWish): Promise<{ id: InvitationId; text: Secret }> {
  const isOverdue = lte(invitations.expiresAt, sql`now()`)
  const ofAddress = sql`lower(${invitations.email}) = lower(${wish.email})`
  await tx
    .update(invitations)
    .set({ revokedAt: sql`now()` })
    .where(and(eq(invitations.organisationId, wish.organisationId), ofAddress, isOpen, isOverdue))
  const { text, hash } = newToken('ksi_')
  const expiresAt = sql`now() + make_interval(secs => ${lifetimeSeconds})`
  const [created] = await tx.insert(invitations).values({ ...wish, hash, expiresAt }).returning({ id: invitations.id })
  if (!created) throw new Error('the invitation was not stored')
  return { id: created.id, text }
}

/** Invitations that are neither accepted nor revoked, newest first, also expired ones. */
export async function invitationsOf(db: Database, id: OrganisationId, page: PageRequest): Promise<Page<Invitation>> {
  const rows = await selectInvitations(db)
    .where(and(eq(invitations.organisationId, id), isOpen, behindCursor(invitations.id, page)))
    .orderBy(desc(invitations.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

/** One of them; null where there is none. */
export async function invitationOf(db: Database, organisationId: OrganisationId, id: InvitationId): Promise<Invitation | null> {
  const [found] = await selectInvitations(db).where(and(eq(invitations.organisationId, organisationId), eq(invitations.id, id), isOpen))
  return found ?? null
}

/** The invitation that a token opens, locked until the transaction ends; null where it is unknown, expired, revoked or accepted. */
export async function openInvitation(tx: Database, token: Secret): Promise<Stored | null> {
  const isValid = and(eq(invitations.hash, tokenHash(token.reveal())), isOpen, gt(invitations.expiresAt, sql`now()`))
  const [found] = await tx
    .select(getTableColumns(invitations))
    .from(invitations)
    .innerJoin(organisations, eq(organisations.id, invitations.organisationId))
    .where(and(isValid, isNull(organisations.removedAt)))
    .for('update', { of: invitations })
  return found ?? null
}

export async function acceptInvitation(tx: Database, id: InvitationId, userId: UserId): Promise<void> {
  await tx.update(invitations).set({ acceptedAt: sql`now()`, acceptedBy: userId }).where(eq(invitations.id, id))
}

export async function revokeInvitation(tx: Database, id: InvitationId): Promise<void> {
  await tx.update(invitations).set({ revokedAt: sql`now()` }).where(and(eq(invitations.id, id), isOpen))
}

const isOpen = and(isNull(invitations.acceptedAt), isNull(invitations.revokedAt))

function selectInvitations(db: Database) {
  const { id, organisationId, email, role, expiresAt, createdAt } = invitations
  return db
    .select({ id, organisationId, email, role, expiresAt, createdAt, invitedBy: users.email })
    .from(invitations)
    .leftJoin(users, eq(users.id, invitations.invitedBy))
}
