import { and, eq, inArray, ne } from 'drizzle-orm'
import type { EnvironmentId, ServerId, ServiceId, SliceId, VolumeId } from '../domain/ids.ts'
import { deployLocks, rebootLocks, rotationLocks, serviceLocks, sliceLocks, updateLocks, volumeLocks } from '../domain/locks.ts'
import { exclusive, type Lock } from '../domain/operations.ts'
import { attachedServices } from './attachments.ts'
import type { Database } from './connect.ts'
import { gatewaysToTell } from './ending.ts'
import { buildersOf, environmentServers } from './environments.ts'
import { keptVolumeById } from './kept-volumes.ts'
import { environmentsOn } from './reboots.ts'
import { servicePlacements, serviceSlices } from './schema/index.ts'
import { environmentsOfService, environmentsOfSlice } from './slice-uses.ts'
import { environmentOfService } from './services.ts'

/** What operations hold (`domain/locks.ts`), from what is stored at this moment. */

/** What an operation on a service holds: it, and shared the servers that it is placed on; of an environment's own that one, too. */
export async function locksOfService(db: Database, id: ServiceId): Promise<Lock[]> {
  const environmentId = await environmentOfService(db, id)
  if (environmentId === null) return serviceLocks({ id, serverIds: await serversOfServices(db, [id]) })
  return [...(await locksOfEnvironment(db, environmentId)), exclusive('service', id)]
}

/** What the update of a service holds: it and the environments that use it alone, and shared its servers. */
export async function locksOfUpdate(db: Database, id: ServiceId): Promise<Lock[]> {
  return updateLocks({ id, serverIds: await serversOfServices(db, [id]), environmentIds: await environmentsOfService(db, id) })
}

/** What an operation on a slice holds. Throws where there is no such slice. */
export async function locksOfSlice(db: Database, id: SliceId): Promise<Lock[]> {
  const [slice] = await db.select().from(serviceSlices).where(and(eq(serviceSlices.id, id), ne(serviceSlices.status, 'removed')))
  if (!slice) throw new Error(`slice ${id} does not exist`)
  const environmentIds = await environmentsOfSlice(db, id)
  return sliceLocks({ id, serviceId: slice.serviceId, environmentIds, serverIds: await serversOfServices(db, [slice.serviceId]) })
}

/** What the reboot of a server holds: it and the environments that have anything there alone, and shared the servers of their gateways. */
export async function locksOfReboot(db: Database, serverId: ServerId): Promise<Lock[]> {
  const environmentIds = await environmentsOn(db, serverId)
  const gateways = await Promise.all(environmentIds.map((id) => gatewaysToTell(db, id)))
  return rebootLocks({ serverId, environmentIds, gatewayServerIds: [...new Set(gateways.flat().map((gateway) => gateway.serverId))] })
}

/** What the deletion of a volume holds: it, and shared its server. */
export async function locksOfVolume(db: Database, id: VolumeId): Promise<Lock[]> {
  const { serverId } = await keptVolumeById(db, id)
  return volumeLocks({ id, serverId })
}

/** What a rotation of a slice's credentials holds. Throws where there is no such slice. */
export async function locksOfRotation(db: Database, id: SliceId): Promise<Lock[]> {
  const [slice] = await db.select().from(serviceSlices).where(and(eq(serviceSlices.id, id), ne(serviceSlices.status, 'removed')))
  if (!slice) throw new Error(`slice ${id} does not exist`)
  const environments = await Promise.all((await environmentsOfSlice(db, id)).map((environmentId) => locksOfEnvironment(db, environmentId)))
  return rotationLocks({ ...slice, serverIds: await serversOfServices(db, [slice.serviceId]), environments: environments.flat() })
}

/** What a deploy holds: its environment, and shared the attached services, its builder and the servers of all of them. */
export async function locksOfEnvironment(db: Database, environmentId: EnvironmentId): Promise<Lock[]> {
  const attached = (await attachedServices(db, environmentId)).map(({ id }) => id)
  const builders = await buildersOf(db, environmentId)
  const usedServiceIds = [...attached, ...builders]
  const own = await environmentServers(db, environmentId)
  const serverIds = [...new Set([...own, ...(await serversOfServices(db, usedServiceIds))])]
  return deployLocks({ environmentId, serverIds, usedServiceIds })
}

/** The servers on which these services are placed. */
export async function serversOfServices(db: Database, ids: readonly ServiceId[]): Promise<ServerId[]> {
  if (ids.length === 0) return []
  const rows = await db
    .selectDistinct({ serverId: servicePlacements.serverId })
    .from(servicePlacements)
    .where(inArray(servicePlacements.serviceId, [...ids]))
  return rows.map(({ serverId }) => serverId)
}
