import { and, count, desc, eq, gte, inArray, isNotNull, lt, ne, sql } from 'drizzle-orm'
import type { OrganisationId, ReplicaId, ServerId, ServiceId } from '../domain/ids.ts'
import type { ExpectedReplica, Measures } from '../domain/observations.ts'
import type { Database } from './connect.ts'
import { environments, gatewayRevisions, serverFirewalls, serverObservations, servers, serviceReplicas, services, serviceSlices } from './schema/index.ts'

/** A server that is looked at. */
export interface WatchedServer {
  id: ServerId
  organisationId: OrganisationId
  name: string
}

/** Servers of all organisations that were ready once. */
export async function watchedServers(db: Database): Promise<WatchedServer[]> {
  const { id, organisationId, name } = servers
  return db.select({ id, organisationId, name }).from(servers).where(inArray(servers.status, ['active', 'unreachable'])).orderBy(id)
}

/** The moment by the database's clock, as operations note theirs. */
export async function now(db: Database): Promise<Date> {
  const [row] = await db.execute<{ at: string }>(sql`select clock_timestamp() as at`)
  if (!row) throw new Error('the database does not tell the time')
  return new Date(row.at)
}

/** Replicas that may have containers on a server; those that are to run have the status `running`. */
export async function replicasOn(db: Database, serverId: ServerId) {
  return db
    .select({ replica: serviceReplicas, service: services, environmentId: services.environmentId, environmentName: environments.name })
    .from(serviceReplicas)
    .innerJoin(services, eq(services.id, serviceReplicas.serviceId))
    .leftJoin(environments, eq(environments.id, services.environmentId))
    .where(and(eq(serviceReplicas.serverId, serverId), ne(serviceReplicas.status, 'removed')))
    .orderBy(serviceReplicas.id)
}
/** One of them with its service. */
export type ReplicaOn = Awaited<ReturnType<typeof replicasOn>>[number]

/** A replica as a look at its server expects it. */
export const expectedReplica = ({ replica, service, environmentId, environmentName }: ReplicaOn): ExpectedReplica => ({
  ...{ id: replica.id, serviceId: service.id, serviceName: service.name, environmentId, environmentName },
  ...{ containerName: replica.containerName, containerId: replica.containerId, image: replica.imageDigest },
  ...{ cpuLimit: replica.runningCpuLimit, memoryLimitMb: replica.runningMemoryLimitMb, ticks: replica.ticks, footprint: replica.footprint },
})

/** The text of one revision of a gateway; null where there was none of this number. */
export async function revisionText(db: Database, gatewayId: ServiceId, revision: number): Promise<string | null> {
  const isIt = and(eq(gatewayRevisions.gatewayId, gatewayId), eq(gatewayRevisions.revision, revision))
  const [found] = await db.select({ text: gatewayRevisions.text }).from(gatewayRevisions).where(isIt)
  return found?.text ?? null
}

/** Routes of a gateway as they were applied last. */
export async function appliedRoutes(db: Database, gatewayId: ServiceId): Promise<{ domain: string; text: string }[]> {
  const rows = await db
    .select({ domain: serviceSlices.domain, text: serviceSlices.appliedText })
    .from(serviceSlices)
    .where(and(eq(serviceSlices.serviceId, gatewayId), eq(serviceSlices.status, 'ready'), isNotNull(serviceSlices.appliedText)))
  return rows.flatMap(({ domain, text }) => (domain && text ? [{ domain, text }] : []))
}

/** What a server listed when it took its rules; null where it has not taken the newest ones, or took them before that was noted. */
export async function listedFirewall(db: Database, serverId: ServerId): Promise<{ listed: string | null; updatedAt: Date } | null> {
  const { listed, updatedAt, revision, applied } = serverFirewalls
  const [found] = await db
    .select({ listed, updatedAt })
    .from(serverFirewalls)
    .where(and(eq(serverFirewalls.serverId, serverId), eq(revision, applied)))
  return found ?? null
}

/**
 * What operations may have changed since a moment: targets that one holds for itself, as `<type>/<id>`, and gateways that one has written a
 * revision for, while it runs or when it has ended since then.
 */
export async function changedSince(db: Database, since: Date): Promise<ReadonlySet<string>> {
  const rows = await db.execute<{ key: string }>(sql`
    with changing as (
      select id from operations
      where parent_id is null and (status in ('pending', 'running', 'recovering') or finished_at >= ${since.toISOString()})
    )
    select locks.key from operation_locks locks join changing on changing.id = locks.operation_id where locks.mode = 'exclusive'
    union
    select 'service/' || revisions.gateway_id from gateway_revisions revisions
    join operations on operations.id = revisions.operation_id join changing on changing.id = operations.root_id`)
  return new Set(rows.map(({ key }) => key))
}

/** A look at a server, by the run of the Schedule that it belongs to. */
export interface Look {
  serverId: ServerId
  runId: string
  at: Date
}

/** Notes a look; that of a repetition is not noted again. Those of more than a day before are forgotten. */
export async function recordObservation(
  tx: Database,
  { serverId, runId, at }: Look,
  seen: { isReachable: true; failure: null; measures: Measures } | { isReachable: false; failure: string; measures: null },
): Promise<void> {
  await tx.insert(serverObservations).values({ serverId, runId, observedAt: at, ...seen }).onConflictDoNothing()
  const isOld = lt(serverObservations.observedAt, new Date(at.getTime() - 24 * 3_600_000))
  await tx.delete(serverObservations).where(and(eq(serverObservations.serverId, serverId), isOld))
}

/** How a replica's container was seen. */
export interface SeenReplica {
  id: ReplicaId
  status: string | null
  containerId: string | null
  /** Null where that cannot be told yet. */
  healthStatus: 'healthy' | 'unhealthy' | null
  isAltered: boolean
}

/** Notes how a replica was seen, unless it is not to run any more. What it should be stays. */
export async function recordSeenReplica(tx: Database, { id, status, containerId, healthStatus, isAltered }: SeenReplica, at: Date): Promise<void> {
  const seen = { observedStatus: status, observedContainerId: containerId, observedAt: at, isAltered, ...(healthStatus ? { healthStatus } : {}) }
  await tx.update(serviceReplicas).set(seen).where(and(eq(serviceReplicas.id, id), eq(serviceReplicas.status, 'running')))
}

/** A look as it is stored. */
export type Observation = typeof serverObservations.$inferSelect

/** Looks at a server since a moment, the newest first. */
export async function observationsOf(db: Database, serverId: ServerId, since: Date): Promise<Observation[]> {
  const { serverId: of, observedAt } = serverObservations
  return db.select().from(serverObservations).where(and(eq(of, serverId), gte(observedAt, since))).orderBy(desc(observedAt))
}

/** The newest look at a server; null where it was never looked at. */
export async function latestObservation(db: Database, serverId: ServerId): Promise<Observation | null> {
  const { serverId: of, observedAt } = serverObservations
  const [latest] = await db.select().from(serverObservations).where(eq(of, serverId)).orderBy(desc(observedAt)).limit(1)
  return latest ?? null
}

/** Whether a server answers is part of what it is; operations on it go on as they do. */
export async function recordReachable(tx: Database, id: ServerId, isReachable: boolean): Promise<void> {
  const [from, to] = isReachable ? (['unreachable', 'active'] as const) : (['active', 'unreachable'] as const)
  await tx.update(servers).set({ status: to }).where(and(eq(servers.id, id), eq(servers.status, from)))
}

/** Present servers of all organisations, by status. */
export async function serverCounts(db: Database): Promise<{ status: string; count: number }[]> {
  return db.select({ status: servers.status, count: count() }).from(servers).where(ne(servers.status, 'removed')).groupBy(servers.status)
}
