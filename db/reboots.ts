import { and, eq, exists, inArray, isNotNull, isNull, ne, or, sql } from 'drizzle-orm'
import type { EnvironmentId, OperationId, ServerId } from '../domain/ids.ts'
import type { ServedAlone } from '../domain/reboots.ts'
import type { SchedulerHandover } from '../domain/scheduler.ts'
import type { Traffic } from '../domain/services.ts'
import type { Database } from './connect.ts'
import { applications, environments, operations, servers, serviceReplicas, services, serviceSlices } from './schema/index.ts'

/** Servers that restart, and what of them is served meanwhile: from rows alone, whoever goes on with it. */

const runsOn = (id: ServerId) => and(eq(serviceReplicas.serverId, id), eq(serviceReplicas.status, 'running'))
const isRouted = inArray(serviceReplicas.role, ['web', 'websocket'])

/** Another server, which is well as far as is known, serves the same of the same environment. */
const isServedElsewhere = sql`exists (
  select from service_replicas other
  join services theirs on theirs.id = other.service_id
  join services ours on ours.id = ${serviceReplicas.serviceId}
  join servers place on place.id = other.server_id
  where theirs.environment_id = ours.environment_id and other.role = ${serviceReplicas.role} and other.server_id <> ${serviceReplicas.serverId}
    and other.traffic = 'serving' and other.status = 'running' and other.health_status <> 'unhealthy' and place.status = 'active')`

/** What nobody would reach if a server were away at this moment. */
export async function servedAlone(db: Database, id: ServerId): Promise<ServedAlone> {
  return { domains: await domainsRoutedOn(db, id), services: await dataServicesOn(db, id), processes: await processesOnlyOn(db, id) }
}

async function domainsRoutedOn(db: Database, id: ServerId): Promise<string[]> {
  const hasContainer = exists(db.select().from(serviceReplicas).where(and(eq(serviceReplicas.serviceId, services.id), runsOn(id))))
  const rows = await db
    .select({ domain: serviceSlices.domain })
    .from(serviceSlices)
    .innerJoin(services, eq(services.id, serviceSlices.serviceId))
    .where(and(eq(services.gatewayServerId, id), eq(serviceSlices.type, 'route'), eq(serviceSlices.status, 'ready'), hasContainer))
    .orderBy(serviceSlices.domain)
  return rows.flatMap(({ domain }) => domain ?? [])
}

async function dataServicesOn(db: Database, id: ServerId): Promise<string[]> {
  const rows = await db
    .selectDistinct({ name: services.name })
    .from(serviceReplicas)
    .innerJoin(services, eq(services.id, serviceReplicas.serviceId))
    .where(and(runsOn(id), isNull(services.environmentId), inArray(services.category, ['database', 'cache', 'storage'])))
    .orderBy(services.name)
  return rows.map(({ name }) => name)
}

async function processesOnlyOn(db: Database, id: ServerId): Promise<string[]> {
  const process = sql<string>`${services.name} || ' of ' || ${environments.name} || ' of ' || ${applications.name}`
  const rows = await db
    .selectDistinct({ process })
    .from(serviceReplicas)
    .innerJoin(services, eq(services.id, serviceReplicas.serviceId))
    .innerJoin(environments, eq(environments.id, services.environmentId))
    .innerJoin(applications, eq(applications.id, environments.applicationId))
    .where(and(runsOn(id), isRouted, eq(serviceReplicas.traffic, 'serving'), sql`not ${isServedElsewhere}`))
    .orderBy(process)
  return rows.map((row) => row.process)
}

/**
 * A server's replicas that others can stand in for get no new requests any more. Those that it alone serves stay: as soon as it is
 * back they answer again, whatever becomes of the operation.
 */
export async function takeOut(tx: Database, id: ServerId): Promise<void> {
  await tx.update(serviceReplicas).set({ traffic: 'draining' }).where(and(runsOn(id), isRouted, eq(serviceReplicas.traffic, 'serving'), isServedElsewhere))
}

/** Nobody sends them anything any more: until the server is back they are away. */
export async function markAway(tx: Database, id: ServerId): Promise<void> {
  await tx.update(serviceReplicas).set({ traffic: 'away' }).where(and(runsOn(id), isRouted, eq(serviceReplicas.traffic, 'draining')))
}

/** Replicas that were to be taken out, or are, serve again. */
export async function putBack(tx: Database, id: ServerId, from: readonly Traffic[]): Promise<void> {
  await tx.update(serviceReplicas).set({ traffic: 'serving' }).where(and(runsOn(id), isRouted, inArray(serviceReplicas.traffic, [...from])))
}

/** Environments with web or websocket replicas on a server that have this traffic. */
export async function environmentsRoutedTo(db: Database, id: ServerId, traffic: Traffic): Promise<EnvironmentId[]> {
  const isMeant = and(runsOn(id), isRouted, eq(serviceReplicas.traffic, traffic))
  return environmentsWhere(db, isMeant)
}

/** Environments that have anything on a server. */
export async function environmentsOn(db: Database, id: ServerId): Promise<EnvironmentId[]> {
  return environmentsWhere(db, and(eq(serviceReplicas.serverId, id), ne(serviceReplicas.status, 'removed')))
}

async function environmentsWhere(db: Database, isMeant: ReturnType<typeof and>): Promise<EnvironmentId[]> {
  const rows = await db
    .selectDistinct({ id: services.environmentId })
    .from(serviceReplicas)
    .innerJoin(services, eq(services.id, serviceReplicas.serviceId))
    .where(and(isMeant, isNotNull(services.environmentId)))
    .orderBy(services.environmentId)
  return rows.flatMap((row) => row.id ?? [])
}

/** Who ticks on a server, and who could meanwhile: another replica of the same service on a server that is well. */
export async function handoversFrom(db: Database, id: ServerId): Promise<SchedulerHandover[]> {
  const rows = await db
    .select({ replicaId: serviceReplicas.id, serverId: servers.id, serverName: servers.name, serviceId: serviceReplicas.serviceId, ticks: serviceReplicas.ticks })
    .from(serviceReplicas)
    .innerJoin(servers, eq(servers.id, serviceReplicas.serverId))
    .where(
      and(
        eq(serviceReplicas.status, 'running'),
        or(eq(servers.id, id), and(ne(serviceReplicas.healthStatus, 'unhealthy'), eq(servers.status, 'active'))),
        inArray(serviceReplicas.serviceId, db.select({ id: serviceReplicas.serviceId }).from(serviceReplicas).where(and(runsOn(id), serviceReplicas.ticks))),
      ),
    )
    .orderBy(servers.name, serviceReplicas.id)
  const free = rows.filter(({ serverId, ticks }) => serverId !== id && !ticks)
  return rows
    .filter(({ serverId, ticks }) => serverId === id && ticks)
    .flatMap(({ serviceId, ticks: _, ...from }) => {
      const index = free.findIndex((other) => other.serviceId === serviceId)
      const [found] = index < 0 ? [] : free.splice(index, 1)
      return found ? [{ from, to: { replicaId: found.replicaId, serverId: found.serverId, serverName: found.serverName } }] : []
    })
}

/** The reboot has failed: what it has left is done as soon as the server answers (`requestConvergence`). */
export async function markRebootUnfinished(tx: Database, operationId: OperationId, serverId: ServerId): Promise<void> {
  await tx.update(operations).set({ needsConvergence: true }).where(eq(operations.id, operationId))
  await tx.update(servers).set({ needsConvergence: true }).where(eq(servers.id, serverId))
}
