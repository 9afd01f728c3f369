import { z } from '@hono/zod-openapi'
import type { Slice } from '../../db/slices.ts'
import { sliceStatuses } from '../../db/schema/services.ts'
import { sliceTypes } from '../../domain/services.ts'
import { moment, settings } from './fields.ts'

export const sliceSchema = z
  .object({
    id: z.uuid(),
    serviceId: z.uuid(),
    environmentId: z.uuid().nullable(),
    name: z.string(),
    type: z.enum(sliceTypes),
    status: z.enum(sliceStatuses),
    config: settings,
    createdAt: moment,
    updatedAt: moment,
  })
  .openapi('ServiceSlice')

export function presentSlice(slice: Slice): z.infer<typeof sliceSchema> {
  const { id, serviceId, environmentId, name, type, status, config, createdAt, updatedAt } = slice
  return {
    ...{ id, serviceId, environmentId, name, type, status, config },
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}
