import { and, eq, inArray, ne, notInArray } from 'drizzle-orm'
import { openCredentials } from '../domain/credentials.ts'
import type { EnvironmentId, ServiceId, SliceId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import type { Replica } from './replicas.ts'
import { environmentAttachments, services, serviceSlices } from './schema/index.ts'

type Opened<Row, Sealed extends keyof Row> = Omit<Row, Sealed> & Record<Sealed, Readonly<Record<string, Secret>>>

/** A service with its administrative credentials opened: for the engine only, never for an answer. */
export type EngineService = Opened<typeof services.$inferSelect, 'adminCredentials'>
/** A slice with its credentials opened: for the engine only, never for an answer. */
export type EngineSlice = Opened<typeof serviceSlices.$inferSelect, 'credentials'>

const openService = (keyring: Keyring, row: typeof services.$inferSelect): EngineService => ({
  ...row,
  adminCredentials: openCredentials(keyring, row.adminCredentials, sealedPlaces.adminCredentials(row.id)),
})

/** A row as the engine has it. */
export const openSlice = (keyring: Keyring, row: typeof serviceSlices.$inferSelect): EngineSlice => ({
  ...row,
  credentials: openCredentials(keyring, row.credentials, sealedPlaces.sliceCredentials(row.id)),
})

/** Throws when there is no such service, since ids inside the engine come from the database. */
export async function engineService(db: Database, keyring: Keyring, id: ServiceId): Promise<EngineService> {
  const [row] = await db.select().from(services).where(eq(services.id, id))
  if (!row) throw new Error(`service ${id} does not exist`)
  return openService(keyring, row)
}

/**
 * The service of a replica as it was when the replica was planned: an environment's own has the configuration of its release,
 * which a rollback brings back; one that stands alone keeps its replica and has today's.
 */
export async function serviceOfReplica(
  db: Database,
  keyring: Keyring,
  { serviceId, config }: Pick<Replica, 'serviceId' | 'config'>,
): Promise<EngineService> {
  const service = await engineService(db, keyring, serviceId)
  return service.environmentId === null ? service : { ...service, config }
}

/** Throws when there is no such slice, since ids inside the engine come from the database. */
export async function engineSlice(db: Database, keyring: Keyring, id: SliceId): Promise<EngineSlice> {
  const [row] = await db.select().from(serviceSlices).where(eq(serviceSlices.id, id))
  if (!row) throw new Error(`slice ${id} does not exist`)
  return openSlice(keyring, row)
}

/** An environment's own services, by name: also those that its deploy leaves alone. */
export async function environmentServices(db: Database, keyring: Keyring, environmentId: EnvironmentId): Promise<EngineService[]> {
  const rows = await db
    .select()
    .from(services)
    .where(and(eq(services.environmentId, environmentId), notInArray(services.status, ['removing', 'removed'])))
    .orderBy(services.name)
  return rows.map((row) => openService(keyring, row))
}

/** What an environment is attached to; `envPrefix` comes before the names of its variables, where there is one. */
export interface AttachedSlice {
  envPrefix: string | null
  service: EngineService
  slice: EngineSlice
}

/** Ready slices of data services that an environment is attached to; routes are the gateway's. */
export async function attachedData(db: Database, keyring: Keyring, environmentId: EnvironmentId): Promise<AttachedSlice[]> {
  const rows = await db
    .select({ envPrefix: environmentAttachments.envPrefix, service: services, slice: serviceSlices })
    .from(environmentAttachments)
    .innerJoin(services, eq(services.id, environmentAttachments.serviceId))
    .innerJoin(serviceSlices, eq(serviceSlices.id, environmentAttachments.serviceSliceId))
    .where(
      and(
        eq(environmentAttachments.environmentId, environmentId),
        ne(serviceSlices.type, 'route'),
        eq(serviceSlices.status, 'ready'),
      ),
    )
    .orderBy(environmentAttachments.id)
  return rows.map((row) => ({ ...row, service: openService(keyring, row.service), slice: openSlice(keyring, row.slice) }))
}

type ServiceState = Partial<Pick<typeof services.$inferInsert, 'status' | 'currentImageDigest'>>

/** Records the same of all of these services. */
export async function recordServices(db: Database, ids: readonly ServiceId[], state: ServiceState): Promise<void> {
  if (ids.length > 0) await db.update(services).set(state).where(inArray(services.id, [...ids]))
}

type SliceState = Partial<Pick<typeof serviceSlices.$inferInsert, 'status' | 'appliedText' | 'config'>>

/** Records what has become of a slice. */
export async function recordSlice(db: Database, id: SliceId, state: SliceState): Promise<void> {
  await db.update(serviceSlices).set(state).where(eq(serviceSlices.id, id))
}
