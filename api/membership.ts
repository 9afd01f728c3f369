import { lockOrganisation } from '../db/access.ts'
import type { Database } from '../db/connect.ts'
import { type Member, memberOf, ownersOf, removeMember } from '../db/members.ts'
import { memberRefusal, type Role } from '../domain/access.ts'
import type { OrganisationId, UserId } from '../domain/ids.ts'
import { refusedAccess } from './giving.ts'
import { notFound } from './problem.ts'

/** An organisation, and what the caller is in it. */
type Within = { id: OrganisationId; role: Role }

/**
 * The member who is to get the role `to`, or to go where it is null. Throws a 404 for who is none, a 403 where that is beyond the
 * caller's own role, and a 409 for the last owner. Others wait until the transaction has ended.
 */
export async function memberToChange(tx: Database, { id, role: own }: Within, { userId, to }: { userId: UserId; to: Role | null }): Promise<Member> {
  await lockOrganisation(tx, id)
  const member = await memberOf(tx, id, userId)
  if (!member) throw notFound('member')
  const refusal = memberRefusal({ own, member, to, owners: await ownersOf(tx, id) })
  if (refusal) throw refusedAccess(refusal)
  return member
}

/** Removes a member, as it is answered and audited. */
export async function removeFrom(tx: Database, organisation: Within, userId: UserId, action = 'member.removed') {
  const { email, role } = await memberToChange(tx, organisation, { userId, to: null })
  await removeMember(tx, organisation.id, userId)
  return { status: 200 as const, body: { id: userId }, event: { action, targetType: 'user', targetId: userId, details: { email, role } } }
}
