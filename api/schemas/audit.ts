import { z } from '@hono/zod-openapi'
import type { AuditEvent } from '../../db/audit-log.ts'
import { pageQuery } from './content.ts'
import { line, moment } from './fields.ts'

const at = z.iso.datetime({ offset: true, error: 'must be a moment such as 2026-11-22T13:00:00Z' }).transform((text) => new Date(text))

export const auditFilter = z.strictObject({
  actor: z
    .union([z.uuid(), line(254).regex(/@/)], 'must be the address of a user, or the id of a user or a token')
    .optional()
    .openapi({ type: 'string', description: 'The address of a user, or the id of a user or a token.' }),
  action: line(100).optional().openapi({ example: 'server.adopted' }),
  targetType: line(100).optional().openapi({ example: 'server' }),
  targetId: z.uuid('must be the id of a target, a uuid').optional(),
  since: at.optional().openapi({ type: 'string', format: 'date-time', description: 'From this moment on.' }),
  until: at.optional().openapi({ type: 'string', format: 'date-time', description: 'Before this moment.' }),
})

export const auditQuery = pageQuery.extend(auditFilter.shape)

export const auditEventSchema = z
  .object({
    id: z.uuid(),
    at: moment,
    action: z.string(),
    targetType: z.string(),
    targetId: z.uuid(),
    actor: z
      .object({ userId: z.uuid().nullable(), email: z.string().nullable(), tokenId: z.uuid().nullable(), tokenName: z.string().nullable() })
      .openapi({ description: 'Who did it by which token; without a user where the token speaks for the organisation.' }),
    details: z.record(z.string(), z.unknown()),
  })
  .openapi('AuditEvent')

export const presentAuditEvent = ({ id, createdAt, action, targetType, targetId, details, ...by }: AuditEvent): z.infer<typeof auditEventSchema> => ({
  ...{ id, at: createdAt.toISOString(), action, targetType, targetId },
  actor: { userId: by.userId, email: by.email, tokenId: by.tokenId, tokenName: by.tokenName },
  details,
})
