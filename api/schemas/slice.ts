import { z } from '@hono/zod-openapi'
import type { SliceUse } from '../../db/slice-uses.ts'
import type { Slice } from '../../db/slices.ts'
import { sliceStatuses } from '../../db/schema/services.ts'
import { sliceTypes } from '../../domain/services.ts'
import { label, moment, settings } from './fields.ts'

const chosen = 'A database has `extensions`, a list of names, and `connectionLimit`, null for none; a keyspace has nothing to choose.'

/** Settings of a slice that people choose. */
export const sliceSettings = settings.openapi({ description: chosen, example: { extensions: ['citext'], connectionLimit: 40 } })

export const newSliceSchema = z.strictObject({ name: label, config: sliceSettings.default({}) }).openapi('NewServiceSlice')

export const changedSliceSchema = z
  .strictObject({ config: sliceSettings.openapi({ description: `${chosen} What is left out stays as it is.` }) })
  .openapi('ChangedServiceSlice')

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

export const usedSliceSchema = sliceSchema
  .extend({
    usedBy: z.array(
      z.object({
        environmentId: z.uuid(),
        environment: z.string(),
        application: z.string(),
        isAttached: z.boolean().openapi({ description: 'False: it was detached, and what runs has its variables until the next deployment.' }),
      }),
    ),
  })
  .openapi('UsedServiceSlice')

export function presentSlice(slice: Slice): z.infer<typeof sliceSchema> {
  const { id, serviceId, environmentId, name, type, status, config, createdAt, updatedAt } = slice
  return {
    ...{ id, serviceId, environmentId, name, type, status, config },
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}

/** `uses` may be those of other slices, too. */
export function presentUsedSlice(slice: Slice, uses: readonly SliceUse[]): z.infer<typeof usedSliceSchema> {
  const own = uses.filter(({ sliceId }) => sliceId === slice.id)
  const usedBy = own.map(({ environmentId, environment, application, isAttached }) => ({ environmentId, environment, application, isAttached }))
  return { ...presentSlice(slice), usedBy }
}
