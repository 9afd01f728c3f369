import { and, eq, getTableColumns, inArray, ne, sql } from 'drizzle-orm'
import type { EnvironmentId, OperationId, ReplicaId, ServerId, ServiceId } from '../domain/ids.ts'
import type { Limits, OwnLimits } from '../domain/limits.ts'
import type { Footprint } from '../domain/observations.ts'
import type { Traffic } from '../domain/services.ts'
import type { Database } from './connect.ts'
import { placeColumns } from './servers.ts'
import { servers, serviceEndpoints, servicePlacements, serviceReplicas, services } from './schema/index.ts'

/** One container of a service, as it should be or was read back. */
export type Replica = typeof serviceReplicas.$inferSelect
/** A replica to be stored. */
export type NewReplica = typeof serviceReplicas.$inferInsert

/** Stores planned replicas; a repetition finds them there already. */
export async function insertReplicas(db: Database, replicas: readonly NewReplica[]): Promise<void> {
  if (replicas.length === 0) return
  await db.insert(serviceReplicas).values([...replicas]).onConflictDoNothing({ target: serviceReplicas.id })
}

/** A replica that stays is to be started with these limits; one that was stopped is on its way from now on. */
export async function planStart(tx: Database, { id, cpuLimit, memoryLimitMb }: Pick<Replica, 'id'> & Limits): Promise<void> {
  await tx.update(serviceReplicas).set({ cpuLimit, memoryLimitMb }).where(eq(serviceReplicas.id, id))
  await tx.update(serviceReplicas).set({ status: 'starting' }).where(and(eq(serviceReplicas.id, id), eq(serviceReplicas.status, 'stopped')))
}

/** Throws when there is no such replica, since ids inside the engine come from the database. */
export async function replicaById(db: Database, id: ReplicaId): Promise<Replica> {
  const [replica] = await db.select().from(serviceReplicas).where(eq(serviceReplicas.id, id))
  if (!replica) throw new Error(`replica ${id} does not exist`)
  return replica
}

/** Replicas of these services that are, or may be, on their servers. */
export async function liveReplicas(db: Database, serviceIds: readonly ServiceId[]): Promise<Replica[]> {
  return db
    .select()
    .from(serviceReplicas)
    .where(and(inArray(serviceReplicas.serviceId, [...serviceIds]), ne(serviceReplicas.status, 'removed')))
    .orderBy(serviceReplicas.id)
}

/** Live replicas of an environment with the names of service and server, and where the server stands for others. */
export async function environmentReplicas(db: Database, environmentId: EnvironmentId) {
  return db
    .select({
      replica: serviceReplicas,
      serviceName: services.name,
      serverName: servers.name,
      allowPublic: services.allowPublic,
      place: placeColumns,
    })
    .from(serviceReplicas)
    .innerJoin(services, eq(services.id, serviceReplicas.serviceId))
    .innerJoin(servers, eq(servers.id, serviceReplicas.serverId))
    .where(and(eq(services.environmentId, environmentId), ne(serviceReplicas.status, 'removed')))
    .orderBy(serviceReplicas.id)
}

/** Replicas that an operation made and that are still there. */
export async function replicasOf(db: Database, operationId: OperationId): Promise<Replica[]> {
  return db
    .select()
    .from(serviceReplicas)
    .where(and(eq(serviceReplicas.operationId, operationId), ne(serviceReplicas.status, 'removed')))
    .orderBy(serviceReplicas.id)
}

/** What is known of a replica once it runs. */
export interface StartedReplica {
  containerId: string
  /** `name@sha256:…`, or the image id of a local build, as it was read back. */
  imageDigest: string
  configHash: string
  /** As they were read back; null: none. */
  runningCpuLimit: number | null
  runningMemoryLimitMb: number | null
  footprint: Footprint
}

/** A replica that runs and is healthy; it gets the endpoints under which it can be reached. */
export async function recordStarted(
  db: Database,
  id: ReplicaId,
  started: StartedReplica,
  endpoints: readonly Endpoint[],
): Promise<void> {
  await db.transaction(async (tx) => {
    const running = { ...started, status: 'running', healthStatus: 'healthy', isAltered: false } as const
    const isThere = and(eq(serviceReplicas.id, id), ne(serviceReplicas.status, 'removed'))
    const updated = await tx.update(serviceReplicas).set(running).where(isThere).returning({ id: serviceReplicas.id })
    if (updated.length === 0) return
    const places = endpoints.map(({ hostname, port }) => `${hostname}:${port}`)
    const isElsewhere = sql`${serviceEndpoints.hostname} || ':' || ${serviceEndpoints.port} <> all(${sql.param(places)}::text[])`
    await tx.delete(serviceEndpoints).where(and(eq(serviceEndpoints.serviceReplicaId, id), isElsewhere))
    for (const endpoint of endpoints) await upsertEndpoint(tx, { ...endpoint, serviceReplicaId: id })
  })
}

async function upsertEndpoint(tx: Database, endpoint: typeof serviceEndpoints.$inferInsert): Promise<void> {
  const { serviceId, scope, hostname, port } = serviceEndpoints
  const target = [serviceId, scope, hostname, port]
  await tx.insert(serviceEndpoints).values(endpoint).onConflictDoUpdate({ target, set: endpoint })
}

/** Where a replica can be reached. */
export type Endpoint = Omit<typeof serviceEndpoints.$inferInsert, 'id' | 'serviceReplicaId'>

/** A step has put a replica's files in place anew: attachments may give it other variables by now. */
export async function recordFiles(db: Database, id: ReplicaId, files: Footprint['files']): Promise<void> {
  const footprint = sql`jsonb_set(${serviceReplicas.footprint}, '{files}', ${JSON.stringify(files)}::jsonb)`
  await db.update(serviceReplicas).set({ footprint }).where(and(eq(serviceReplicas.id, id), sql`${serviceReplicas.footprint} is distinct from ${footprint}`))
}

/** A replica's container is seen to be healthy. */
export async function recordHealthy(db: Database, id: ReplicaId): Promise<void> {
  const isThere = and(eq(serviceReplicas.id, id), ne(serviceReplicas.status, 'removed'))
  await db.update(serviceReplicas).set({ status: 'running', healthStatus: 'healthy' }).where(isThere)
}

/** A replica whose container and folder are gone. */
export async function recordRemoved(db: Database, id: ReplicaId): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.delete(serviceEndpoints).where(eq(serviceEndpoints.serviceReplicaId, id))
    await tx
      .update(serviceReplicas)
      .set({ status: 'removed', ...withoutContainer })
      .where(eq(serviceReplicas.id, id))
  })
}

const withoutContainer = {
  traffic: 'none',
  ticks: false,
  healthStatus: 'unknown',
  containerId: null,
  runningCpuLimit: null,
  runningMemoryLimitMb: null,
  footprint: { files: {}, containers: [] },
  observedStatus: null,
  observedContainerId: null,
  observedAt: null,
  isAltered: false,
} as const

/** A replica whose container is gone until its service is started again; it keeps its port. */
export async function recordStopped(db: Database, id: ReplicaId): Promise<void> {
  await db
    .update(serviceReplicas)
    .set({ status: 'stopped', ...withoutContainer })
    .where(and(eq(serviceReplicas.id, id), ne(serviceReplicas.status, 'removed')))
}

/** Which traffic these replicas get from the next revision of each gateway on. */
export async function setTraffic(db: Database, ids: readonly ReplicaId[], traffic: Traffic): Promise<void> {
  if (ids.length > 0) await db.update(serviceReplicas).set({ traffic }).where(inArray(serviceReplicas.id, [...ids]))
}

/** The charge of ticking has passed from one replica to another; null where nobody had it, or nobody has it now. */
export async function recordTicking(db: Database, { from, to }: { from: ReplicaId | null; to: ReplicaId | null }): Promise<void> {
  await db.transaction(async (tx) => {
    if (from) await tx.update(serviceReplicas).set({ ticks: false }).where(eq(serviceReplicas.id, from))
    if (to) await tx.update(serviceReplicas).set({ ticks: true }).where(eq(serviceReplicas.id, to))
  })
}

/** Replicas that the next version has replaced: their processes end once nothing needs them. */
export async function markStopping(db: Database, ids: readonly ReplicaId[]): Promise<void> {
  if (ids.length > 0) await db.update(serviceReplicas).set({ status: 'stopping' }).where(inArray(serviceReplicas.id, [...ids]))
}

/** How many replicas of a service a server should have. */
export interface Placement {
  serviceId: ServiceId
  serverId: ServerId
  serverName: string
  count: number
  limits: OwnLimits
}

/** Where the replicas of these services should be, by the servers' names. */
export async function placementsOf(db: Database, serviceIds: readonly ServiceId[]): Promise<Placement[]> {
  return db
    .select({ ...getTableColumns(servicePlacements), serverName: servers.name })
    .from(servicePlacements)
    .innerJoin(servers, eq(servers.id, servicePlacements.serverId))
    .where(inArray(servicePlacements.serviceId, [...serviceIds]))
    .orderBy(servers.name)
}

/** Replicas of a service that are, or may be, on their servers, with the names of these. */
export async function replicasOfService(db: Database, serviceId: ServiceId) {
  return db
    .select({ replica: serviceReplicas, serverName: servers.name })
    .from(serviceReplicas)
    .innerJoin(servers, eq(servers.id, serviceReplicas.serverId))
    .where(and(eq(serviceReplicas.serviceId, serviceId), ne(serviceReplicas.status, 'removed')))
    .orderBy(servers.name, serviceReplicas.id)
}
/** A replica as people see it. */
export type ReplicaView = Awaited<ReturnType<typeof replicasOfService>>[number]
