import { z } from '@hono/zod-openapi'
import type { Slice } from '../../db/slices.ts'
import { sliceStatuses } from '../../db/schema/services.ts'
import { domain, moment, serviceIdSchema, settings } from './fields.ts'

const tlsModes = ['automatic', 'internal', 'off'] as const

export const newRouteSchema = z
  .strictObject({
    domain,
    tls: z.enum(tlsModes, `must be one of ${tlsModes.join(', ')}`).default('automatic'),
    gatewayServiceId: serviceIdSchema.optional().openapi({ description: "Left out: the gateway on the environment's servers." }),
  })
  .openapi('NewRoute')

export const routeSchema = z
  .object({
    id: z.uuid(),
    environmentId: z.uuid().nullable(),
    gatewayServiceId: z.uuid(),
    domain: z.string().nullable(),
    status: z.enum(sliceStatuses),
    config: settings,
    createdAt: moment,
    updatedAt: moment,
  })
  .openapi('Route')

export function presentRoute(slice: Slice): z.infer<typeof routeSchema> {
  const { id, environmentId, serviceId, domain: name, status, config, createdAt, updatedAt } = slice
  return {
    ...{ id, environmentId, gatewayServiceId: serviceId, domain: name, status, config },
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}
