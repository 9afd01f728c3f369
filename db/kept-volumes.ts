import { and, desc, eq, getTableColumns, isNull, ne, sql } from 'drizzle-orm'
import type { EnvironmentId, OrganisationId, ServerId, ServiceId, VolumeId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { applications, environmentAttachments, environments, keptVolumes, servers, services, serviceSlices } from './schema/index.ts'

const columns = { ...getTableColumns(keptVolumes), serverName: servers.name }
/** A volume that a removed service or environment has left, with the name of its server. */
export type KeptVolume = typeof keptVolumes.$inferSelect & { serverName: string }

const isKept = (organisationId: OrganisationId) =>
  and(eq(keptVolumes.organisationId, organisationId), isNull(keptVolumes.removedAt), ne(servers.status, 'removed'))

/** Kept volumes of an organisation, newest first. */
export async function keptVolumesOf(db: Database, organisationId: OrganisationId, page: PageRequest): Promise<Page<KeptVolume>> {
  const rows = await db
    .select(columns)
    .from(keptVolumes)
    .innerJoin(servers, eq(servers.id, keptVolumes.serverId))
    .where(and(isKept(organisationId), behindCursor(keptVolumes.id, page)))
    .orderBy(desc(keptVolumes.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

/** One kept volume of the organisation; null where it has none of this id, or it was deleted. */
export async function keptVolumeOf(db: Database, organisationId: OrganisationId, id: VolumeId): Promise<KeptVolume | null> {
  const [found] = await db
    .select(columns)
    .from(keptVolumes)
    .innerJoin(servers, eq(servers.id, keptVolumes.serverId))
    .where(and(isKept(organisationId), eq(keptVolumes.id, id)))
  return found ?? null
}

/** Throws where there is no such volume, since ids inside the engine come from the database. */
export async function keptVolumeById(db: Database, id: VolumeId): Promise<typeof keptVolumes.$inferSelect> {
  const [found] = await db.select().from(keptVolumes).where(eq(keptVolumes.id, id))
  if (!found) throw new Error(`volume ${id} does not exist`)
  return found
}

/** Volumes that were found on a server, and what they were of. */
export interface FoundVolumes {
  organisationId: OrganisationId
  serverId: ServerId
  serviceId: ServiceId | null
  environmentId: EnvironmentId | null
  origin: string
  slices: string[]
  volumes: readonly { name: string; sizeBytes: number | null }[]
}

/** Keeps volumes; those that are known get their size anew. */
export async function keepVolumes(tx: Database, { volumes, ...of }: FoundVolumes): Promise<void> {
  if (volumes.length === 0) return
  await tx
    .insert(keptVolumes)
    .values(volumes.map((volume) => ({ ...of, ...volume })))
    .onConflictDoUpdate({
      target: [keptVolumes.serverId, keptVolumes.name],
      targetWhere: isNull(keptVolumes.removedAt),
      set: { sizeBytes: sql`excluded.size_bytes` },
    })
}

/** The volume is gone from its server. */
export async function recordVolumeRemoved(tx: Database, id: VolumeId): Promise<void> {
  await tx.update(keptVolumes).set({ removedAt: sql`now()` }).where(and(eq(keptVolumes.id, id), isNull(keptVolumes.removedAt)))
}

/** What a volume was of, for people who decide whether they still need it. */
export async function originOf(db: Database, ending: { serviceId: ServiceId } | { environmentId: EnvironmentId }): Promise<string> {
  if ('environmentId' in ending) {
    const [row] = await db
      .select({ environment: environments.name, application: applications.name })
      .from(environments)
      .innerJoin(applications, eq(applications.id, environments.applicationId))
      .where(eq(environments.id, ending.environmentId))
    return `${row?.environment} of ${row?.application}`
  }
  const [row] = await db.select({ name: services.name, driver: services.driverName }).from(services).where(eq(services.id, ending.serviceId))
  return `${row?.driver} ${row?.name}`
}

const sliceColumns = {
  ...{ id: serviceSlices.id, name: serviceSlices.name, type: serviceSlices.type, serviceId: serviceSlices.serviceId },
  ...{ serviceName: services.name, updatedAt: serviceSlices.updatedAt },
}
/** A slice that no environment uses, with the name of its service. */
export type KeptSlice = Pick<typeof serviceSlices.$inferSelect, 'id' | 'name' | 'type' | 'serviceId' | 'updatedAt'> & { serviceName: string }

/** Slices of the organisation's data services that no environment uses any more, newest first. */
export async function keptSlicesOf(db: Database, organisationId: OrganisationId, page: PageRequest): Promise<Page<KeptSlice>> {
  const isAttached = sql`exists (select from ${environmentAttachments} where ${environmentAttachments.serviceSliceId} = ${serviceSlices.id})`
  const rows = await db
    .select(sliceColumns)
    .from(serviceSlices)
    .innerJoin(services, eq(services.id, serviceSlices.serviceId))
    .where(
      and(
        eq(services.organisationId, organisationId),
        ne(serviceSlices.type, 'route'),
        eq(serviceSlices.status, 'ready'),
        isNull(serviceSlices.environmentId),
        sql`not ${isAttached}`,
        behindCursor(serviceSlices.id, page),
      ),
    )
    .orderBy(desc(serviceSlices.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}
