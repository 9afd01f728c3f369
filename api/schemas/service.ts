import { z } from '@hono/zod-openapi'
import type { ReplicaView } from '../../db/replicas.ts'
import { healthStatuses, replicaStatuses, serviceStatuses, updateStatuses } from '../../db/schema/services.ts'
import type { Service } from '../../db/services.ts'
import { deployPolicies, driverNames, environmentPolicies, type ProcessRole, processRoles, serviceCategories, trafficStates } from '../../domain/services.ts'
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

const placementSchema = z
  .strictObject({
    serverId: serverIdSchema,
    count: z.int('must be a whole number').min(1, 'must be at least 1').max(50, 'must be at most 50').default(1),
    ...limits,
  })
  .openapi('Placement', {
    description: 'How many replicas a server has. Limits that stand here override those of the service, null among them; left out they are its.',
  })

/** What a living service keeps, with the reason. */
const kept = {
  name: 'a service keeps its name: its containers are called by it',
  driver: 'a service stays what it is: create another one',
  role: 'a service keeps its role: create another one',
  versionTrack: 'major versions are not changed in place: create another service and move the data there',
  serverId: 'a service does not move: name its servers in placements, or create another service on the other server',
} as const

const refused = (reason: string) =>
  z.unknown().refine((value) => value === undefined, reason).optional().openapi({ description: `Not possible: ${reason}.` })

export const serviceChangeSchema = z
  .strictObject({
    placements: z
      .array(placementSchema)
      .min(1, 'must have at least one: stop the service where nothing of it is to run')
      .max(500, 'must be at most 500')
      .refine((places) => new Set(places.map(({ serverId }) => serverId)).size === places.length, 'must name each server once')
      .refine((places) => places.reduce((sum, { count }) => sum + count, 0) <= 200, 'must have at most 200 replicas in all')
      .optional()
      .openapi({ description: 'All of them: a server that is left out has no replica any more.' }),
    ...limits,
    allowPublic: allowPublic.optional(),
    deployPolicy: z.enum(environmentPolicies, `must be one of ${environmentPolicies.join(', ')}`).optional().openapi({
      description: 'Whether a deployment of its environment takes it along, or it is deployed on its own.',
    }),
    config: settings.optional().openapi({ description: 'Settings that are left out stay; lists are replaced as a whole.' }),
    ...{ name: refused(kept.name), driver: refused(kept.driver), role: refused(kept.role) },
    ...{ versionTrack: refused(kept.versionTrack), serverId: refused(kept.serverId) },
  })
  .openapi('ServiceChange')

export const replicaSchema = z
  .object({
    id: z.uuid(),
    server: z.object({ id: z.uuid(), name: z.string() }),
    containerName: z.string(),
    role: z.enum(processRoles),
    status: z.enum(replicaStatuses),
    healthStatus: z.enum(healthStatuses),
    traffic: z.enum(trafficStates),
    ticks: z.boolean().openapi({ description: 'Its scheduler is in charge.' }),
    image: z.string().nullable(),
    cpuLimit: z.number().nullable().openapi({ description: 'As it was planned; null: unrestricted.' }),
    memoryLimitMb: z.int().nullable(),
    observed: z
      .object({ status: z.string().nullable(), containerId: z.string().nullable(), at: moment })
      .nullable()
      .openapi({ description: 'How its container was seen last, as Docker calls it; status is null where it was gone. Null: not looked at yet.' }),
    running: z
      .object({ cpuLimit: z.number().nullable(), memoryLimitMb: z.int().nullable() })
      .nullable()
      .openapi({ description: 'What its container really has, read back when it had started; null where it has none.' }),
  })
  .openapi('Replica')

export function presentReplica({ replica, serverName }: ReplicaView): z.infer<typeof replicaSchema> {
  const { id, serverId, containerName, role, status, healthStatus, traffic, ticks, imageDigest, cpuLimit, memoryLimitMb } = replica
  const { containerId, runningCpuLimit, runningMemoryLimitMb, observedStatus, observedContainerId, observedAt } = replica
  return {
    ...{ id, containerName, role, status, healthStatus, traffic, ticks, cpuLimit, memoryLimitMb },
    server: { id: serverId, name: serverName },
    image: imageDigest === '' ? null : imageDigest,
    observed: observedAt && { status: observedStatus, containerId: observedContainerId, at: observedAt.toISOString() },
    running: containerId === null ? null : { cpuLimit: runningCpuLimit, memoryLimitMb: runningMemoryLimitMb },
  }
}

export const interruptionSchema = z
  .object({ message: z.string(), environments: z.array(z.string()) })
  .openapi('Interruption', { description: 'What users notice, and the environments that do.' })

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
    desiredReplicas: z.int(),
    placements: z.array(
      z.object({ serverId: z.uuid(), count: z.int(), cpuLimit: z.number().nullable().optional(), memoryLimitMb: z.int().nullable().optional() }),
    ),
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
  const { id, environmentId, name, category, driverName, versionTrack, status, serverIds, desiredReplicas } = service
  const { allowPublic: isPublic, deployPolicy, currentImageDigest, availableImageDigest, updateStatus, config } = service
  return {
    ...{ id, environmentId, name, category, driver: driverName, versionTrack, status, serverIds, desiredReplicas },
    placements: service.placements.map(({ serverId, count, limits: own }) => ({ serverId, count, ...own })),
    ...{ allowPublic: isPublic, deployPolicy, currentImageDigest, availableImageDigest, updateStatus, config },
    updateBehaviour: serviceDriver(driverName).update,
    processRoles: processRoles.filter((role) => service.processRoles.includes(role)),
    cpuLimit: service.defaultCpuLimit,
    memoryLimitMb: service.defaultMemoryLimitMb,
    createdAt: service.createdAt.toISOString(),
    updatedAt: service.updatedAt.toISOString(),
  }
}
