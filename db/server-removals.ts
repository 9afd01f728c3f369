import { and, eq, isNull, ne } from 'drizzle-orm'
import type { ServerId } from '../domain/ids.ts'
import type { ServerUses } from '../domain/removals.ts'
import type { Database } from './connect.ts'
import { keptVolumes, serverKeyRotations, servers, servicePlacements, serviceReplicas, services } from './schema/index.ts'

/** What is on a server at this moment, or is to be. */
export async function usesOfServer(db: Database, id: ServerId): Promise<ServerUses> {
  const isPresent = ne(services.status, 'removed')
  const placed = await db
    .select({ name: services.name })
    .from(servicePlacements)
    .innerJoin(services, and(eq(services.id, servicePlacements.serviceId), isPresent))
    .where(eq(servicePlacements.serverId, id))
  const running = await db
    .select({ name: services.name })
    .from(serviceReplicas)
    .innerJoin(services, eq(services.id, serviceReplicas.serviceId))
    .where(and(eq(serviceReplicas.serverId, id), ne(serviceReplicas.status, 'removed')))
  const gateways = await db.select({ name: services.name }).from(services).where(and(eq(services.gatewayServerId, id), isPresent))
  const volumes = await db.select({ name: keptVolumes.name }).from(keptVolumes).where(and(eq(keptVolumes.serverId, id), isNull(keptVolumes.removedAt)))
  return { services: [...placed, ...running, ...gateways].map(({ name }) => name), keptVolumes: volumes.map(({ name }) => name) }
}

/** From now on nothing is put on the server any more. */
export async function markServerRemoving(tx: Database, id: ServerId): Promise<void> {
  await tx.update(servers).set({ status: 'removing' }).where(and(eq(servers.id, id), ne(servers.status, 'removed')))
}

/** The server is gone, and the keys to it are forgotten as far as a row may be without them. */
export async function markServerRemoved(tx: Database, id: ServerId): Promise<void> {
  await tx.delete(serverKeyRotations).where(eq(serverKeyRotations.serverId, id))
  await tx.update(servers).set({ status: 'removed', adoptionKeyPrivate: null }).where(and(eq(servers.id, id), ne(servers.status, 'removed')))
}

/** What an operation on a server asks of it first. Throws where there is none of this id, since ids inside the engine come from the database. */
export async function serverState(db: Database, id: ServerId) {
  const { organisationId, name, status, providerId, managementKeyPublic } = servers
  const [server] = await db.select({ id: servers.id, organisationId, name, status, providerId, managementKeyPublic }).from(servers).where(eq(servers.id, id))
  if (!server) throw new Error(`server ${id} does not exist`)
  return server
}
