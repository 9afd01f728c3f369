import { isDeepStrictEqual } from 'node:util'
import { eq, inArray, sql } from 'drizzle-orm'
import type { OpenPort, PlannedFirewall } from '../domain/firewall.ts'
import type { EnvironmentId, ServerId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { serverFirewalls, servers } from './schema/index.ts'
import { publicAddress } from './servers.ts'

/** A server's rules, of which `applied` is the last revision that it is known to have taken. */
export type Firewall = typeof serverFirewalls.$inferSelect

/**
 * Stores the rules that follow from the rows of this moment as the next revision of each server whose rules they change, and returns
 * all of these servers that have not taken their last revision.
 */
export async function changeFirewalls(tx: Database, serverIds: readonly ServerId[]): Promise<PlannedFirewall[]> {
  if (serverIds.length === 0) return []
  const concerned = await tx
    .select({ serverId: servers.id, serverName: servers.name })
    .from(servers)
    .where(inArray(servers.id, [...serverIds]))
    .orderBy(servers.id)
  const planned: PlannedFirewall[] = []
  for (const server of concerned) {
    const { revision, applied } = await changeFirewall(tx, server.serverId)
    if (applied < revision) planned.push({ ...server, revision })
  }
  return planned
}

async function changeFirewall(tx: Database, serverId: ServerId): Promise<Firewall> {
  await tx.insert(serverFirewalls).values({ serverId, revision: 0, openPorts: [] }).onConflictDoNothing()
  const present = await firewallOf(tx, serverId, { isLocked: true })
  const openPorts = await openPortsOf(tx, serverId)
  if (present.revision > 0 && isDeepStrictEqual(openPorts, present.openPorts)) return present
  const changed = { openPorts, revision: present.revision + 1 }
  await tx.update(serverFirewalls).set(changed).where(eq(serverFirewalls.serverId, serverId))
  return { ...present, ...changed }
}

/** Nothing is known any more of what a server has taken: it may have been installed anew, or somebody have changed its rules. */
export async function forgetApplied(tx: Database, serverId: ServerId): Promise<void> {
  await tx.update(serverFirewalls).set({ applied: 0 }).where(eq(serverFirewalls.serverId, serverId))
}

/** Throws where the server has none yet. */
export async function firewallOf(db: Database, serverId: ServerId, { isLocked = false } = {}): Promise<Firewall> {
  const query = db.select().from(serverFirewalls).where(eq(serverFirewalls.serverId, serverId))
  const [firewall] = await (isLocked ? query.for('update') : query)
  if (!firewall) throw new Error(`server ${serverId} has no firewall`)
  return firewall
}

/** The server has taken these rules, or later ones, and lists them so. */
export async function recordFirewall(db: Database, { serverId, revision, listed }: Pick<Firewall, 'serverId' | 'revision' | 'listed'>): Promise<void> {
  await db
    .update(serverFirewalls)
    .set({ applied: sql`greatest(${serverFirewalls.applied}, ${revision})`, listed, updatedAt: sql`now()` })
    .where(eq(serverFirewalls.serverId, serverId))
}

/**
 * Ports of one server that others may reach: those of data services by the servers of the environments that are attached or still run
 * with what was detached from them, those of an
 * environment by the gateways that have its routes. On the public address there are those alone of services that are allowed there, with
 * whoever reaches none of its server's private ones; also where nobody does.
 */
async function openPortsOf(db: Database, serverId: ServerId): Promise<OpenPort[]> {
  const rows = await db.execute<{ address: string; port: number; sources: string[] }>(sql`
    with environment_servers as (
      select services.environment_id, service_placements.server_id
      from services join service_placements on service_placements.service_id = services.id
      where services.status not in ('removing', 'removed')
      union
      select services.environment_id, service_replicas.server_id
      from services join service_replicas on service_replicas.service_id = services.id
      where service_replicas.status <> 'removed'
    ),
    consumers as (
      select environment_attachments.service_id, environment_servers.server_id
      from environment_attachments
      join environment_servers on environment_servers.environment_id = environment_attachments.environment_id
      where environment_attachments.role <> 'gateway'
      union
      select detachments.service_id, environment_servers.server_id
      from detachments
      join environment_servers on environment_servers.environment_id = detachments.environment_id
      where not detachments.is_over
      union
      select routed.id, gateways.gateway_server_id
      from service_slices routes
      join services gateways on gateways.id = routes.service_id
      join services routed on routed.environment_id = routes.environment_id
      where routes.type = 'route' and routes.status <> 'removed'
    ),
    replicas as (
      select service_replicas.host_port, service_replicas.service_id, services.allow_public
      from service_replicas join services on services.id = service_replicas.service_id
      where service_replicas.server_id = ${serverId} and service_replicas.status <> 'removed' and service_replicas.host_port is not null
    ),
    places as (
      select servers.id, servers.private_address, servers.private_network, ${publicAddress} as public_address
      from servers where servers.status <> 'removed'
    ),
    own as (select * from places where id = ${serverId}),
    others as (
      select consumers.service_id, places.* from consumers join places on places.id = consumers.server_id where places.id <> ${serverId}
    ),
    ways as (
      select own.private_address as address, replicas.host_port as port, others.private_address as source
      from own cross join replicas
      join others on others.service_id = replicas.service_id and others.private_network = own.private_network
      union
      select own.public_address, replicas.host_port, others.public_address
      from own cross join replicas
      left join others on others.service_id = replicas.service_id
        and (own.private_network is null or others.private_network is distinct from own.private_network)
      where replicas.allow_public and own.public_address is not null
    )
    select address, port, coalesce(json_agg(source order by source) filter (where source is not null), '[]') as sources
    from ways group by address, port order by address, port`)
  return rows.map(({ address, port, sources }) => ({ address, port, sources }))
}

/** Servers whose rules depend on an environment: those that have, or had, its replicas, and those of the data services that it uses. */
export async function serversOpenTo(db: Database, environmentId: EnvironmentId): Promise<ServerId[]> {
  const rows = await db.execute<{ id: ServerId }>(sql`
    select distinct service_replicas.server_id as id
    from service_replicas join services on services.id = service_replicas.service_id
    where services.environment_id = ${environmentId} or (service_replicas.status <> 'removed' and services.id in (
      select service_id from environment_attachments where environment_id = ${environmentId} and role <> 'gateway'
      union select service_id from detachments where environment_id = ${environmentId}))`)
  return rows.map(({ id }) => id)
}

