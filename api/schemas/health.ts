import { z } from '@hono/zod-openapi'
import type { Observation } from '../../db/observations.ts'
import { healthReasonCodes, serverHealths } from '../../domain/health.ts'
import { moment } from './fields.ts'

const measuresSchema = z
  .object({
    ...{ diskFreeMb: z.int(), diskTotalMb: z.int(), memoryAvailableMb: z.int(), memoryTotalMb: z.int() },
    load: z.number().openapi({ description: 'Processes that ran or waited to, on average of the last minute.' }),
    ...{ cpus: z.int(), uptimeSeconds: z.int() },
    clockAheadMs: z.int().openapi({ description: "How far its clock is ahead of Keystone's; 0 as long as it may be right." }),
    docker: z.string().nullable().openapi({ description: 'The version that runs; null where it does not answer.' }),
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

export const serverHealthSchema = z
  .object({
    status: z.enum(serverHealths),
    reasons: z
      .array(z.object({ code: z.enum(healthReasonCodes), message: z.string(), hint: z.string() }))
      .openapi({ description: 'Everything that keeps it from being healthy.' }),
    latest: observationSchema.nullable().openapi({ description: 'The newest look at it.' }),
  })
  .openapi('ServerHealth')
