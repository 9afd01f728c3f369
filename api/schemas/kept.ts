import { z } from '@hono/zod-openapi'
import type { KeptSlice, KeptVolume } from '../../db/kept-volumes.ts'
import { sliceTypes } from '../../domain/services.ts'
import { moment } from './fields.ts'

export const keptVolumeSchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    server: z.object({ id: z.uuid(), name: z.string() }),
    sizeBytes: z.int().nullable().openapi({ description: 'When it was kept; null where counting took too long.' }),
    origin: z.string().openapi({ description: 'What it was of.', example: 'postgres shop-db' }),
    slices: z.array(z.string()).openapi({ description: 'Databases or keyspaces that are in it.' }),
    keptAt: moment,
  })
  .openapi('KeptVolume')

export const presentKeptVolume = ({ id, name, serverId, serverName, sizeBytes, origin, slices, createdAt }: KeptVolume): z.infer<typeof keptVolumeSchema> => ({
  ...{ id, name, server: { id: serverId, name: serverName }, sizeBytes, origin, slices },
  keptAt: createdAt.toISOString(),
})

export const keptSliceSchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    type: z.enum(sliceTypes),
    service: z.object({ id: z.uuid(), name: z.string() }),
    keptAt: moment,
  })
  .openapi('KeptSlice')

export const presentKeptSlice = ({ id, name, type, serviceId, serviceName, updatedAt }: KeptSlice): z.infer<typeof keptSliceSchema> => ({
  ...{ id, name, type, service: { id: serviceId, name: serviceName } },
  keptAt: updatedAt.toISOString(),
})

export const confirmation = z.object({
  confirm: z.string().optional().openapi({ description: "Repeats the volume's name: its data goes for good." }),
})
