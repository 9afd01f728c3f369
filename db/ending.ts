import { and, eq, exists, inArray, isNotNull, isNull, ne, notInArray, sql } from 'drizzle-orm'
import type { EnvironmentId, ReplicaId, ServerId, ServiceId, SliceId } from '../domain/ids.ts'
import type { ProcessRole } from '../domain/services.ts'
import type { Database } from './connect.ts'
import { idOf } from './ids.ts'
import type { Operation } from './operations/request.ts'
import {
  buildArtifacts,
  environmentAttachments,
  environments,
  releases,
  servers,
  serviceReplicas,
  services,
  serviceSlices,
} from './schema/index.ts'

/** Services that stop or are removed, and environments that are removed: from rows alone, whoever goes on with it. */

/** What ends: one service, or an environment with all of its services. */
export type Ending = { serviceId: ServiceId } | { environmentId: EnvironmentId }

/** A route that is taken from its gateway; what it led to goes on. */
export interface EndingRoute {
  routeId: SliceId
}

type OfTarget = Pick<Operation, 'targetType' | 'targetId'>

/** What an operation ends: a service, an environment or a route. */
export function endingOfTarget(operation: OfTarget): Ending | EndingRoute {
  return operation.targetType === 'slice' ? { routeId: idOf(operation.targetId) } : endingOf(operation)
}

/** The same of one that ends services. Throws where it does not. */
export function endingOf({ targetType, targetId }: OfTarget): Ending {
  if (targetType === 'service') return { serviceId: idOf(targetId) }
  if (targetType === 'environment') return { environmentId: idOf(targetId) }
  throw new Error(`a ${targetType} cannot be ended like a service`)
}

const endingServices = (ending: Ending) =>
  'serviceId' in ending ? eq(services.id, ending.serviceId) : eq(services.environmentId, ending.environmentId)

/** From now on its replicas are to end, whatever they are; `status` is what the services are called meanwhile. */
export async function beginEnding(tx: Database, ending: Ending, status: 'stopped' | 'removing'): Promise<void> {
  const isMeant = notInArray(services.status, status === 'stopped' ? ['removing', 'removed'] : ['removed'])
  const ids = (await tx.select({ id: services.id }).from(services).where(and(endingServices(ending), isMeant))).map(({ id }) => id)
  if (ids.length === 0) return
  await tx.update(services).set({ status }).where(inArray(services.id, ids))
  const states = status === 'stopped' ? (['removed', 'stopped'] as const) : (['removed'] as const)
  await tx
    .update(serviceReplicas)
    .set({ status: 'stopping' })
    .where(and(inArray(serviceReplicas.serviceId, ids), notInArray(serviceReplicas.status, [...states])))
}

/** An environment is being removed, and with it its routes. */
export async function beginRemovingEnvironment(tx: Database, id: EnvironmentId): Promise<void> {
  await tx.update(environments).set({ status: 'removing' }).where(and(eq(environments.id, id), ne(environments.status, 'removed')))
  await tx.update(serviceSlices).set({ status: 'removing' }).where(and(isRouteOf(id), ne(serviceSlices.status, 'removed')))
}

const isRouteOf = (id: EnvironmentId) => and(eq(serviceSlices.environmentId, id), eq(serviceSlices.type, 'route'))

/** A route is being removed: it is in no configuration that is written from now on. */
export async function beginRemovingRoute(tx: Database, id: SliceId): Promise<void> {
  await tx.update(serviceSlices).set({ status: 'removing' }).where(and(eq(serviceSlices.id, id), ne(serviceSlices.status, 'removed')))
}

/** The environment of a route, and its gateway. Throws where there is no such route. */
export async function placeOfRoute(db: Database, id: SliceId): Promise<{ environmentId: EnvironmentId; gatewayId: ServiceId }> {
  const [route] = await db
    .select({ environmentId: serviceSlices.environmentId, gatewayId: serviceSlices.serviceId })
    .from(serviceSlices)
    .where(eq(serviceSlices.id, id))
  if (!route?.environmentId) throw new Error(`route ${id} does not exist`)
  return { ...route, environmentId: route.environmentId }
}

/** No gateway knows the route any more: its domain is free. */
export async function recordRouteRemoved(tx: Database, id: SliceId): Promise<void> {
  await tx.delete(environmentAttachments).where(eq(environmentAttachments.serviceSliceId, id))
  await tx.update(serviceSlices).set({ status: 'removed' }).where(and(eq(serviceSlices.id, id), eq(serviceSlices.status, 'removing')))
}

/** A replica that is to end. */
export interface EndingReplica {
  id: ReplicaId
  serverId: ServerId
  serverName: string
  containerName: string
  role: ProcessRole
  ticks: boolean
  /** Its service is started again on its server some time. */
  isKept: boolean
}

/** Replicas that are to end and may still be on their servers. */
export async function endingReplicas(db: Database, ending: Ending): Promise<EndingReplica[]> {
  const { id, serverId, containerName, role, ticks } = serviceReplicas
  return db
    .select({
      ...{ id, serverId, containerName, role, ticks, serverName: servers.name },
      isKept: sql<boolean>`${services.environmentId} is null and ${services.status} = 'stopped'`,
    })
    .from(serviceReplicas)
    .innerJoin(services, eq(services.id, serviceReplicas.serviceId))
    .innerJoin(servers, eq(servers.id, serviceReplicas.serverId))
    .where(and(endingServices(ending), eq(serviceReplicas.status, 'stopping')))
    .orderBy(serviceReplicas.id)
}

/** Gateways that route to an environment, or did so a moment ago; those without a container route to nobody. */
export async function gatewaysToTell(db: Database, environmentId: EnvironmentId) {
  return db
    .selectDistinct({ gatewayId: services.id, serverId: servers.id, serverName: servers.name })
    .from(serviceSlices)
    .innerJoin(services, eq(services.id, serviceSlices.serviceId))
    .innerJoin(servers, eq(servers.id, services.gatewayServerId))
    .where(
      and(
        isRouteOf(environmentId),
        inArray(serviceSlices.status, ['ready', 'removing']),
        exists(db.select().from(serviceReplicas).where(and(eq(serviceReplicas.serviceId, services.id), notInArray(serviceReplicas.status, ['stopped', 'removed'])))),
      ),
    )
    .orderBy(servers.name)
}

/** A server on which something may be left of what has ended. */
export interface ServerToClean {
  serverId: ServerId
  serverName: string
}

/** Servers that its replicas are or were on, or that have an image of it, as far as Keystone has ever been there. */
export async function serversToClean(db: Database, ending: Ending): Promise<ServerToClean[]> {
  const ids = db.select({ id: services.id }).from(services).where(endingServices(ending))
  const withReplicas = db.select({ id: serviceReplicas.serverId }).from(serviceReplicas).where(inArray(serviceReplicas.serviceId, ids))
  const withImages = db
    .select({ id: sql<ServerId>`${buildArtifacts.serverId}` })
    .from(buildArtifacts)
    .where(
      and(
        'environmentId' in ending ? eq(buildArtifacts.environmentId, ending.environmentId) : sql`false`,
        isNotNull(buildArtifacts.serverId),
        ne(buildArtifacts.status, 'discarded'),
      ),
    )
  return db
    .select({ serverId: servers.id, serverName: servers.name })
    .from(servers)
    .where(and(ne(servers.status, 'removed'), isNotNull(servers.architecture), inArray(servers.id, withReplicas.union(withImages))))
    .orderBy(servers.name)
}

/** Services that have ended or end, with what names what they have left. */
export async function servicesThatEnd(db: Database, ending: Ending) {
  return db.select().from(services).where(endingServices(ending)).orderBy(services.id)
}

/** Nobody can go back to anything of an environment that is removed; its images may go. */
export async function giveUpAllReleases(tx: Database, id: EnvironmentId): Promise<void> {
  await tx.update(environments).set({ currentReleaseId: null }).where(and(eq(environments.id, id), isNotNull(environments.currentReleaseId)))
  const isOf = eq(releases.environmentId, id)
  await tx.update(releases).set({ status: 'obsolete' }).where(and(isOf, eq(releases.status, 'successful')))
  await tx.update(releases).set({ prunedAt: sql`now()` }).where(and(isOf, isNull(releases.prunedAt)))
  await tx.update(releases).set({ variables: null }).where(and(isOf, isNotNull(releases.variables)))
}

/** No gateway knows the routes of an environment any more: nobody is let in for them from now on. */
export async function recordRoutesRemoved(tx: Database, id: EnvironmentId): Promise<void> {
  await tx.update(serviceSlices).set({ status: 'removed' }).where(and(isRouteOf(id), eq(serviceSlices.status, 'removing')))
}

/** Services are gone, and with those that hold data the slices in them: what was in these is in volumes that are kept. */
export async function recordServicesRemoved(tx: Database, ending: Ending): Promise<void> {
  const ended = and(endingServices(ending), eq(services.status, 'removing'))
  const ids = (await tx.select({ id: services.id }).from(services).where(ended)).map(({ id }) => id)
  if (ids.length === 0) return
  await tx.update(serviceSlices).set({ status: 'removed' }).where(and(inArray(serviceSlices.serviceId, ids), ne(serviceSlices.status, 'removed')))
  await tx.update(services).set({ status: 'removed' }).where(inArray(services.id, ids))
}

/** An environment is gone. The slices that it used are nobody's now, and keep what is in them. */
export async function recordEnvironmentRemoved(tx: Database, id: EnvironmentId): Promise<void> {
  await tx.delete(environmentAttachments).where(eq(environmentAttachments.environmentId, id))
  await tx
    .update(serviceSlices)
    .set({ environmentId: null })
    .where(and(eq(serviceSlices.environmentId, id), ne(serviceSlices.type, 'route')))
  await tx.update(environments).set({ status: 'removed' }).where(and(eq(environments.id, id), ne(environments.status, 'removed')))
}
