import { z } from '@hono/zod-openapi'
import type { ApiToken } from '../../db/api-tokens.ts'
import { roles, tokenKinds } from '../../domain/access.ts'
import { line, moment, organisationIdSchema } from './fields.ts'

const scope = z.enum(roles, `must be one of ${roles.join(', ')}`)
const scopes = z.array(scope).min(1, 'must name at least one role').max(roles.length, 'must name each role at most once')

const mostDays = 3650
const defaultDays = 90
const lifetime = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(mostDays, `must be at most ${mostDays}`)
  .nullable()
  .default(defaultDays)
  .openapi({ description: 'Null: until it is revoked.' })

export const newOwnTokenSchema = z
  .strictObject({
    name: line(100),
    scopes: scopes.nullable().default(null)
      .openapi({ description: 'It acts as the mightiest of these roles, and never beyond your own. Null: as you.' }),
    organisationId: organisationIdSchema.nullable().default(null).openapi({ description: 'The only one that it reaches. Null: all of yours.' }),
    expiresInDays: lifetime,
  })
  .openapi('NewOwnToken')

export const newTokenSchema = z
  .strictObject({
    name: line(100),
    scopes: scopes.openapi({ description: 'It acts as the mightiest of these roles, at most as you when you make it.' }),
    expiresInDays: lifetime,
  })
  .openapi('NewToken')

export const tokenSchema = z
  .object({
    id: z.uuid(),
    kind: z.enum(tokenKinds),
    name: z.string(),
    prefix: z.string().openapi({ description: 'What it begins with.' }),
    organisationId: z.uuid().nullable(),
    scopes: z.array(z.enum(roles)).nullable(),
    createdBy: z.string().nullable(),
    createdAt: moment,
    expiresAt: moment.nullable(),
    lastUsedAt: moment.nullable().openapi({ description: 'To the minute.' }),
  })
  .openapi('Token')

export const madeTokenSchema = tokenSchema
  .extend({ token: z.string().nullable().openapi({ description: 'Shown this once: null where the request is repeated with its Idempotency-Key.' }) })
  .openapi('MadeToken')

export function presentToken({ id, kind, name, prefix, organisationId, ...token }: ApiToken): z.infer<typeof tokenSchema> {
  return {
    ...{ id, kind, name, prefix, organisationId },
    scopes: token.scopes,
    createdBy: token.createdBy,
    createdAt: token.createdAt.toISOString(),
    expiresAt: token.expiresAt?.toISOString() ?? null,
    lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
  }
}
