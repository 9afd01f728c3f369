import { and, eq, max, ne, notInArray, sql } from 'drizzle-orm'
import type { EnvironmentId, OperationId, ServerId, ServiceId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import type { Database } from './connect.ts'
import { type EngineSlice, openSlice } from './engine-services.ts'
import { idOf } from './ids.ts'
import { gatewayRevisions, operations, servers, serviceReplicas, services, serviceSlices } from './schema/index.ts'

/** Gateways on which an environment has a working route. */
export async function environmentGateways(db: Database, environmentId: EnvironmentId) {
  return db
    .selectDistinct({
      ...{ serviceId: services.id, name: services.name, serverId: servers.id, serverName: servers.name },
      isStopped: sql<boolean>`${services.status} = 'stopped'`,
    })
    .from(serviceSlices)
    .innerJoin(services, eq(services.id, serviceSlices.serviceId))
    .innerJoin(servers, eq(servers.id, services.gatewayServerId))
    .where(
      and(
        eq(serviceSlices.environmentId, environmentId),
        eq(serviceSlices.type, 'route'),
        eq(serviceSlices.status, 'ready'),
      ),
    )
}

/** A gateway with its server and the container that runs it. Throws where it has none. */
export async function gatewayById(db: Database, id: ServiceId) {
  const [row] = await db
    .select({ service: services, serverId: serviceReplicas.serverId, containerName: serviceReplicas.containerName })
    .from(services)
    .innerJoin(serviceReplicas, and(eq(serviceReplicas.serviceId, services.id), ne(serviceReplicas.status, 'removed')))
    .where(eq(services.id, id))
  if (!row) throw new Error(`gateway ${id} has no replica`)
  return row
}

/** The server of a gateway, whether it runs or not. Throws where there is no such gateway. */
export async function gatewayServer(db: Database, id: ServiceId): Promise<{ serverId: ServerId; serverName: string }> {
  const [row] = await db
    .select({ serverId: servers.id, serverName: servers.name })
    .from(services)
    .innerJoin(servers, eq(servers.id, services.gatewayServerId))
    .where(eq(services.id, id))
  if (!row) throw new Error(`gateway ${id} does not exist`)
  return row
}

/** Makes revisions of one gateway one after the other. */
export async function lockGateway(tx: Database, id: ServiceId): Promise<void> {
  await tx.select({ id: services.id }).from(services).where(eq(services.id, id)).for('update')
}

/** All routes of a gateway that it is to have, in the order in which they stand in its configuration. */
export async function gatewayRoutes(db: Database, keyring: Keyring, id: ServiceId): Promise<EngineSlice[]> {
  const rows = await db
    .select()
    .from(serviceSlices)
    .where(and(eq(serviceSlices.serviceId, id), eq(serviceSlices.type, 'route'), notInArray(serviceSlices.status, ['removing', 'removed'])))
    .orderBy(serviceSlices.id)
  return rows.map((row) => openSlice(keyring, row))
}

/** A configuration that a gateway was given. */
export type Revision = typeof gatewayRevisions.$inferSelect
type Phase = Pick<Revision, 'gatewayId' | 'operationId' | 'phase'>

/** The revision that an operation has stored for this phase; null where it has not come to that. */
export async function revisionOf(db: Database, { gatewayId, operationId, phase }: Phase): Promise<Revision | null> {
  const [row] = await db
    .select()
    .from(gatewayRevisions)
    .where(
      and(
        eq(gatewayRevisions.gatewayId, gatewayId),
        eq(gatewayRevisions.operationId, operationId),
        eq(gatewayRevisions.phase, phase),
      ),
    )
  return row ?? null
}

/** The number of the gateway's next revision; call it under `lockGateway`, and store it under the same. */
export async function nextRevision(tx: Database, gatewayId: ServiceId): Promise<number> {
  const [last] = await tx.select({ revision: max(gatewayRevisions.revision) }).from(gatewayRevisions).where(eq(gatewayRevisions.gatewayId, gatewayId))
  return (last?.revision ?? 0) + 1
}

export async function insertRevision(tx: Database, revision: Omit<Revision, 'createdAt'>): Promise<Revision> {
  const [row] = await tx.insert(gatewayRevisions).values(revision).returning()
  if (!row) throw new Error('the revision was not stored')
  return row
}

/** Gateways that an operation, or a child of it, wrote a configuration for. */
export async function gatewaysTouched(db: Database, rootId: OperationId): Promise<{ gatewayId: ServiceId }[]> {
  return db
    .selectDistinct({ gatewayId: gatewayRevisions.gatewayId })
    .from(gatewayRevisions)
    .innerJoin(operations, eq(operations.id, gatewayRevisions.operationId))
    .where(eq(operations.rootId, rootId))
}

/** Hashes that the sections of a gateway's routes had which are being removed. */
export async function withdrawnSections(db: Database, gatewayId: ServiceId): Promise<string[]> {
  const rows = await db.execute<{ hash: string }>(sql`
    select distinct section.value ->> 'hash' as hash
    from gateway_revisions cross join jsonb_each(gateway_revisions.own_sections) as section
    join service_slices on service_slices.id::text = section.key
    where gateway_revisions.gateway_id = ${gatewayId} and service_slices.status = 'removing'`)
  return rows.map(({ hash }) => hash)
}

/** Records what is confirmed to run, as each route's last good text. */
export async function recordApplied(db: Database, sections: Revision['ownSections']): Promise<void> {
  for (const [sliceId, { text }] of Object.entries(sections)) {
    await db.update(serviceSlices).set({ appliedText: text }).where(eq(serviceSlices.id, idOf(sliceId)))
  }
}
