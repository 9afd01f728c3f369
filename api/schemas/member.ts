import { z } from '@hono/zod-openapi'
import type { Invitation } from '../../db/invitations.ts'
import type { Member } from '../../db/members.ts'
import { roles } from '../../domain/access.ts'
import { email, line, moment } from './fields.ts'
import { newPassword } from './user.ts'

const role = z.enum(roles, `must be one of ${roles.join(', ')}`)

export const memberChangeSchema = z.strictObject({ role }).openapi('MemberChange')

export const memberSchema = z
  .object({ id: z.uuid(), email: z.string(), name: z.string(), role: z.enum(roles), createdAt: moment })
  .openapi('Member')

export const presentMember = ({ id, email: address, name, role: own, createdAt }: Member): z.infer<typeof memberSchema> => ({
  ...{ id, email: address, name, role: own },
  createdAt: createdAt.toISOString(),
})

const defaultDays = 7
const mostDays = 30

export const newInvitationSchema = z
  .strictObject({
    email,
    role,
    expiresInDays: z.int('must be a whole number').min(1, 'must be at least 1').max(mostDays, `must be at most ${mostDays}`).default(defaultDays),
  })
  .openapi('NewInvitation')

export const invitationSchema = z
  .object({
    id: z.uuid(),
    email: z.string(),
    role: z.enum(roles),
    invitedBy: z.string().nullable(),
    createdAt: moment,
    expiresAt: moment,
  })
  .openapi('Invitation')

export const madeInvitationSchema = invitationSchema
  .extend({
    token: z.string().nullable()
      .openapi({ description: 'Send it to whom you invite; shown this once: null where the request is repeated with its Idempotency-Key.' }),
  })
  .openapi('MadeInvitation')

export const presentInvitation = ({ id, email: address, role: own, invitedBy, createdAt, expiresAt }: Invitation): z.infer<typeof invitationSchema> => ({
  ...{ id, email: address, role: own, invitedBy },
  createdAt: createdAt.toISOString(),
  expiresAt: expiresAt.toISOString(),
})

export const acceptedSchema = z.object({ organisation: z.object({ id: z.uuid(), name: z.string() }), role: z.enum(roles) }).openapi('Accepted')

const token = line(200).openapi({ description: 'Of the invitation, ksi_….' })

export const acceptanceSchema = z.strictObject({ token }).openapi('InvitationAcceptance')
export const registrationSchema = z.strictObject({ token, name: line(100), password: newPassword }).openapi('Registration')
