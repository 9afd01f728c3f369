import { z } from '@hono/zod-openapi'
import type { FindingView } from '../../db/drift.ts'
import { driftCodes } from '../../domain/drift.ts'
import { moment } from './fields.ts'

export const findingSchema = z
  .object({
    id: z.uuid(),
    server: z.object({ id: z.uuid(), name: z.string() }),
    code: z.enum(driftCodes),
    subject: z.string().openapi({ description: 'What differs: a container, the path of a file, the domain of a route.', example: 'shop-production-web-1f2e3d4c' }),
    ...{ environmentId: z.uuid().nullable(), serviceId: z.uuid().nullable(), replicaId: z.uuid().nullable() },
    message: z.string(),
    hint: z.string().openapi({ description: 'What you can do; Keystone itself changes nothing.' }),
    expected: z.string().nullable(),
    found: z.string().nullable(),
    firstSeenAt: moment,
    lastSeenAt: moment,
    resolvedAt: moment.nullable().openapi({ description: 'When it was seen to be over.' }),
  })
  .openapi('DriftFinding')

export function presentFinding({ finding, serverName }: FindingView): z.infer<typeof findingSchema> {
  const { id, serverId, code, subject, environmentId, serviceId, replicaId, message, hint, expected, found } = finding
  return {
    ...{ id, code, subject, environmentId, serviceId, replicaId, message, hint, expected, found },
    server: { id: serverId, name: serverName },
    firstSeenAt: finding.firstSeenAt.toISOString(),
    lastSeenAt: finding.lastSeenAt.toISOString(),
    resolvedAt: finding.resolvedAt?.toISOString() ?? null,
  }
}
