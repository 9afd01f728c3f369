import { and, desc, eq, getTableColumns, inArray, isNull, ne, sql } from 'drizzle-orm'
import { sealCredentials } from '../domain/credentials.ts'
import type { EnvironmentId, OrganisationId, ServerId, ServiceId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import type { OwnLimits } from '../domain/limits.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { DriverName, ProcessRole } from '../domain/services.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { servicePlacements, services } from './schema/index.ts'

const { adminCredentials, ...stored } = getTableColumns(services)
const columns = {
  ...stored,
  serverIds: sql<ServerId[]>`(
    select coalesce(json_agg(p.server_id order by p.server_id), '[]')
    from service_placements p where p.service_id = services.id)`,
  placements: sql<PlacementOfService[]>`(
    select coalesce(json_agg(json_build_object('serverId', p.server_id, 'count', p.count, 'limits', p.limits) order by p.server_id), '[]')
    from service_placements p where p.service_id = services.id)`,
}

/** How many replicas a server should have, and their own limits. */
export interface PlacementOfService {
  serverId: ServerId
  count: number
  limits: OwnLimits
}

/** A service without its administrative credentials, with the servers it is placed on. */
export type Service = Omit<typeof services.$inferSelect, 'adminCredentials'> & { serverIds: ServerId[]; placements: PlacementOfService[] }

const present = (organisationId: OrganisationId) =>
  and(eq(services.organisationId, organisationId), ne(services.status, 'removed'))

/** Services of an environment, or the standalone ones of the organisation where it is null. */
export async function servicesOf(
  db: Database,
  { organisationId, environmentId, driver }: { organisationId: OrganisationId; environmentId: EnvironmentId | null; driver?: DriverName | undefined },
  page: PageRequest,
): Promise<Page<Service>> {
  const owned = environmentId === null ? isNull(services.environmentId) : eq(services.environmentId, environmentId)
  const meant = driver && eq(services.driverName, driver)
  const rows = await db
    .select(columns)
    .from(services)
    .where(and(present(organisationId), owned, meant, behindCursor(services.id, page)))
    .orderBy(desc(services.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

/** One service of the organisation; null where it has none of this id, or it was removed. */
export async function serviceOf(db: Database, organisationId: OrganisationId, id: ServiceId): Promise<Service | null> {
  const [found] = await db.select(columns).from(services).where(and(present(organisationId), eq(services.id, id)))
  return found ?? null
}

/** Services of an environment that have this role first, by name. */
export async function servicesOfRole(db: Database, environmentId: EnvironmentId, role: ProcessRole): Promise<Service[]> {
  return db
    .select(columns)
    .from(services)
    .where(and(eq(services.environmentId, environmentId), ne(services.status, 'removed'), sql`${services.processRoles} ->> 0 = ${role}`))
    .orderBy(services.name)
}

/** The environment that a service is part of; null where it stands on its own. Throws where there is no such service. */
export async function environmentOfService(db: Database, id: ServiceId): Promise<EnvironmentId | null> {
  const [found] = await db.select({ environmentId: services.environmentId }).from(services).where(eq(services.id, id))
  if (!found) throw new Error(`service ${id} does not exist`)
  return found.environmentId
}

/** The gateways of these servers, one at most on each. */
export async function gatewaysOn(
  db: Database,
  organisationId: OrganisationId,
  serverIds: readonly ServerId[],
): Promise<Service[]> {
  return db
    .select(columns)
    .from(services)
    .where(and(present(organisationId), ne(services.status, 'removing'), inArray(services.gatewayServerId, [...serverIds])))
}

/** Takes the row of a service until the transaction ends, so that its slices are chosen one after the other. */
export async function lockService(tx: Database, id: ServiceId): Promise<void> {
  await tx.select({ id: services.id }).from(services).where(eq(services.id, id)).for('update')
}

/** A service to be stored; `admin` are its administrative credentials, empty where its driver has none. */
export type NewService = Omit<typeof services.$inferInsert, 'id' | 'adminCredentials' | 'desiredReplicas'> & {
  serverIds: readonly ServerId[]
  admin: Readonly<Record<string, Secret>>
}

/** Stores a service with one replica wished on each of its servers; its administrative credentials are sealed. */
export async function insertService(
  db: Database,
  keyring: Keyring,
  { serverIds, admin, ...values }: NewService,
): Promise<Service> {
  const id = newId<ServiceId>()
  const sealed = Object.keys(admin).length > 0 ? sealCredentials(keyring, admin, sealedPlaces.adminCredentials(id)) : null
  await db.insert(services).values({ ...values, id, adminCredentials: sealed, desiredReplicas: serverIds.length })
  if (serverIds.length > 0) await db.insert(servicePlacements).values(serverIds.map((serverId) => ({ serviceId: id, serverId })))
  const [created] = await db.select(columns).from(services).where(eq(services.id, id))
  if (!created) throw new Error('the service was not stored')
  return created
}

/** What a user may change of a service; the next rollout goes by it. */
export type ServiceChange = Partial<
  Pick<typeof services.$inferSelect, 'config' | 'deployPolicy' | 'allowPublic' | 'defaultCpuLimit' | 'defaultMemoryLimitMb'>
> & { placements?: readonly PlacementOfService[] }

/** Changes a service of the organisation; placements take the place of those that it had. Null where it has none of this id. */
export async function changeService(
  tx: Database,
  { organisationId, id, change }: { organisationId: OrganisationId; id: ServiceId; change: ServiceChange },
): Promise<Service | null> {
  const { placements, ...values } = change
  const counted = placements ? { desiredReplicas: placements.reduce((sum, { count }) => sum + count, 0) } : {}
  await tx
    .update(services)
    .set({ ...values, ...counted, desiredRevision: sql`${services.desiredRevision} + 1` })
    .where(and(present(organisationId), eq(services.id, id)))
  if (placements) {
    await tx.delete(servicePlacements).where(eq(servicePlacements.serviceId, id))
    await tx.insert(servicePlacements).values(placements.map((placement) => ({ ...placement, serviceId: id })))
  }
  return serviceOf(tx, organisationId, id)
}
