import { z } from '@hono/zod-openapi'
import { serviceStatuses, updateStatuses } from '../../db/schema/services.ts'
import type { Service } from '../../db/services.ts'
import { deployPolicies, driverNames, type ProcessRole, processRoles, serviceCategories } from '../../domain/services.ts'
import { allDrivers, serviceDriver } from '../../drivers/services/registry.ts'
import { label, moment, serverIdSchema, settings } from './fields.ts'

const standaloneDrivers = allDrivers().filter(({ build }) => build === null).map(({ name }) => name)
const addedRoles = ['worker', 'websocket'] as const satisfies readonly ProcessRole[]

const allowPublic = z.boolean().openapi({
  description:
    'Whether attached servers that share no private network with it may reach it over the internet; its firewall lets nobody else in. ' +
    'What is said there is not encrypted: prefer a private network.',
})

const limits = {
  cpuLimit: z.number().positive('must be more than 0').nullable().optional()
    .openapi({ description: 'CPUs; null leaves it to the host.' }),
  memoryLimitMb: z.int().min(6, 'must be at least 6').nullable().optional(),
}

export const newServiceSchema = z
  .strictObject({
    driver: z.enum(standaloneDrivers, `must be one of ${standaloneDrivers.join(', ')}`),
    name: label,
    serverId: serverIdSchema,
    allowPublic: allowPublic.default(false),
    config: settings.default({}),
    ...limits,
  })
  .openapi('NewService')

export const newApplicationServiceSchema = z
  .strictObject({
    name: label,
    role: z.enum(addedRoles, `must be one of ${addedRoles.join(', ')}`),
    serverId: serverIdSchema.optional().openapi({ description: "Left out: the environment's only server." }),
    allowPublic: allowPublic.default(false),
    config: settings.default({}),
    ...limits,
  })
  .openapi('NewApplicationService')

export const serviceSchema = z
  .object({
    id: z.uuid(),
    environmentId: z.uuid().nullable(),
    name: z.string(),
    category: z.enum(serviceCategories),
    driver: z.enum(driverNames),
    versionTrack: z.string(),
    status: z.enum(serviceStatuses),
    serverIds: z.array(z.uuid()),
    allowPublic,
    deployPolicy: z.enum(deployPolicies),
    processRoles: z.array(z.enum(processRoles)),
    currentImageDigest: z.string().nullable(),
    availableImageDigest: z.string().nullable().openapi({ description: 'What the tag of its image stands for, as it was looked up last.' }),
    updateStatus: z.enum(updateStatuses),
    updateBehaviour: z.object({ downtime: z.boolean(), dataRisk: z.boolean(), backup: z.boolean() })
      .openapi({ description: 'What an update brings with it, and whether a backup can be made before.' }),
    cpuLimit: z.number().nullable(),
    memoryLimitMb: z.int().nullable(),
    config: settings,
    createdAt: moment,
    updatedAt: moment,
  })
  .openapi('Service')

export function presentService(service: Service): z.infer<typeof serviceSchema> {
  const { id, environmentId, name, category, driverName, versionTrack, status, serverIds } = service
  const { allowPublic: isPublic, deployPolicy, currentImageDigest, availableImageDigest, updateStatus, config } = service
  return {
    ...{ id, environmentId, name, category, driver: driverName, versionTrack, status, serverIds },
    ...{ allowPublic: isPublic, deployPolicy, currentImageDigest, availableImageDigest, updateStatus, config },
    updateBehaviour: serviceDriver(driverName).update,
    processRoles: processRoles.filter((role) => service.processRoles.includes(role)),
    cpuLimit: service.defaultCpuLimit,
    memoryLimitMb: service.defaultMemoryLimitMb,
    createdAt: service.createdAt.toISOString(),
    updatedAt: service.updatedAt.toISOString(),
  }
}
