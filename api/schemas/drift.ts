import { z } from '@hono/zod-openapi'
import type { FindingView, Observation } from '../../db/observations.ts'
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

const measuresSchema = z
  .object({
    ...{ diskFreeMb: z.int(), diskTotalMb: z.int(), memoryAvailableMb: z.int(), memoryTotalMb: z.int() },
    load: z.number().openapi({ description: 'Processes that ran or waited to, on average of the last minute.' }),
    ...{ cpus: z.int(), uptimeSeconds: z.int() },
    clockAheadMs: z.int().openapi({ description: "How far its clock is ahead of Keystone's; 0 as long as it may be right." }),
  })
  .openapi('Measures')

export const observationSchema = z
  .object({
    observedAt: moment,
    isReachable: z.boolean(),
    failure: z.string().nullable().openapi({ description: 'Why it could not be looked at.' }),
    measures: measuresSchema.nullable(),
  })
  .openapi('Observation')

export function presentObservation({ observedAt, isReachable, failure, measures }: Observation): z.infer<typeof observationSchema> {
  return { observedAt: observedAt.toISOString(), isReachable, failure, measures }
}
