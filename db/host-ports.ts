import { and, eq, inArray, isNotNull, isNull, ne, or, sql } from 'drizzle-orm'
import { assignedPorts } from '../domain/firewall.ts'
import type { ReplicaId, ServerId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { servers, serviceReplicas, services } from './schema/index.ts'

/**
 * Gives those of the replicas that have none a port on their server, where it has a private address or their service may be reached
 * publicly; a port is nobody else's as long as its replica is not removed. Call it in the transaction that stores them. Throws where a server has no port left.
 */
export async function assignHostPorts(tx: Database, ids: readonly ReplicaId[]): Promise<void> {
  if (ids.length === 0) return
  const waiting = await tx
    .select({ id: serviceReplicas.id, serverId: serviceReplicas.serverId })
    .from(serviceReplicas)
    .innerJoin(servers, eq(servers.id, serviceReplicas.serverId))
    .innerJoin(services, eq(services.id, serviceReplicas.serviceId))
    .where(and(inArray(serviceReplicas.id, [...ids]), isNull(serviceReplicas.hostPort), or(isNotNull(servers.privateAddress), services.allowPublic)))
    .orderBy(serviceReplicas.id)
  if (waiting.length === 0) return
  const taken = await takenPorts(tx, [...new Set(waiting.map(({ serverId }) => serverId))])
  const assigned = waiting.map(({ id, serverId }) => {
    const port = freePort(id, taken(serverId))
    taken(serverId).add(port)
    return port
  })
  await tx.execute(sql`
    update service_replicas set host_port = assigned.port
    from unnest(${sql.param(waiting.map(({ id }) => id))}::uuid[], ${sql.param(assigned)}::integer[]) as assigned (id, port)
    where service_replicas.id = assigned.id`)
}

/** Whoever assigns ports on these servers waits for this transaction. */
async function takenPorts(tx: Database, serverIds: readonly ServerId[]) {
  await tx.select({ id: servers.id }).from(servers).where(inArray(servers.id, [...serverIds])).orderBy(servers.id).for('no key update')
  const ports = new Map(serverIds.map((id) => [id, new Set<number>()]))
  const rows = await tx
    .select({ serverId: serviceReplicas.serverId, port: serviceReplicas.hostPort })
    .from(serviceReplicas)
    .where(and(inArray(serviceReplicas.serverId, [...serverIds]), ne(serviceReplicas.status, 'removed')))
  for (const { serverId, port } of rows) if (port !== null) ports.get(serverId)?.add(port)
  return (id: ServerId) => ports.get(id) ?? new Set<number>()
}

/**
 * Looked for from a place that follows from the replica: a port that has just become free is not at once somebody else's, whom a
 * gateway with an older configuration would send foreign requests.
 */
function freePort(id: ReplicaId, taken: ReadonlySet<number>): number {
  const { first, last } = assignedPorts
  const count = last - first + 1
  const begin = Number.parseInt(id.slice(-8), 16) % count
  for (let step = 0; step < count; step += 1) {
    const port = first + ((begin + step) % count)
    if (!taken.has(port)) return port
  }
  throw new Error(`all ports from ${first} to ${last} of a server are taken`)
}
