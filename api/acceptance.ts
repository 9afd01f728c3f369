import { organisationById } from '../db/access.ts'
import { type AuditedActor, recordAudit } from '../db/audit.ts'
import type { Database } from '../db/connect.ts'
import { acceptInvitation, openInvitation } from '../db/invitations.ts'
import { insertMember } from '../db/members.ts'
import type { UserId } from '../domain/ids.ts'
import type { Secret } from '../domain/secret.ts'
import { invalidField } from './problem.ts'

type OpenInvitation = NonNullable<Awaited<ReturnType<typeof openInvitation>>>

/** The invitation that a token opens, nobody else's meanwhile. Throws a 422 that is the same for whatever is wrong with it. */
export async function invitationTo(tx: Database, token: Secret): Promise<OpenInvitation> {
  const invitation = await openInvitation(tx, token)
  if (!invitation) throw invalidField('token', 'opens no invitation, or not any more: ask for another one', 'invitation_invalid')
  return invitation
}

/** Makes a user a member as the invitation says. Throws where he is one already. */
export async function accept(tx: Database, { id, organisationId, role, email }: OpenInvitation, by: AuditedActor & { userId: UserId }) {
  await insertMember(tx, { organisationId, userId: by.userId, role })
  await acceptInvitation(tx, id, by.userId)
  await recordAudit(tx, organisationId, by, { action: 'invitation.accepted', targetType: 'invitation', targetId: id, details: { email, role } })
  const name = (await organisationById(tx, organisationId))?.name ?? ''
  return { organisation: { id: organisationId, name }, role }
}
