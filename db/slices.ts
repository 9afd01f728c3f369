import { and, eq, getTableColumns, ne } from 'drizzle-orm'
import { sealCredentials } from '../domain/credentials.ts'
import type { EnvironmentId, ServiceId, SliceId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { serviceSlices } from './schema/index.ts'

const { credentials: sealedCredentials, ...columns } = getTableColumns(serviceSlices)
/** What `Slice` is selected by. */
export const sliceColumns = columns

/** A slice without its credentials. */
export type Slice = Omit<typeof serviceSlices.$inferSelect, 'credentials'>

/** All slices of a service; their configurations say what is taken. */
export async function slicesOf(db: Database, serviceId: ServiceId): Promise<Slice[]> {
  return db
    .select(columns)
    .from(serviceSlices)
    .where(and(eq(serviceSlices.serviceId, serviceId), ne(serviceSlices.status, 'removed')))
}

/** A slice to be stored; its credentials are empty where its driver has none. */
export type NewSlice = Omit<typeof serviceSlices.$inferInsert, 'id' | 'credentials'> & {
  credentials: Readonly<Record<string, Secret>>
}

/** Stores a slice; its credentials are sealed. */
export async function insertSlice(db: Database, keyring: Keyring, { credentials, ...values }: NewSlice): Promise<Slice> {
  const id = newId<SliceId>()
  const hasCredentials = Object.keys(credentials).length > 0
  const sealed = hasCredentials ? sealCredentials(keyring, credentials, sealedPlaces.sliceCredentials(id)) : null
  const [created] = await db.insert(serviceSlices).values({ ...values, id, credentials: sealed }).returning(columns)
  if (!created) throw new Error('the slice was not stored')
  return created
}

/** Gives a slice other settings and credentials; these are sealed. Throws where there is no such slice. */
export async function changeSlice(
  db: Database,
  keyring: Keyring,
  { id, config, credentials }: Pick<NewSlice, 'config' | 'credentials'> & { id: SliceId },
): Promise<Slice> {
  const sealed = sealCredentials(keyring, credentials, sealedPlaces.sliceCredentials(id))
  const [changed] = await db.update(serviceSlices).set({ config, credentials: sealed }).where(eq(serviceSlices.id, id)).returning(columns)
  if (!changed) throw new Error(`slice ${id} does not exist`)
  return changed
}

/** The environment whose slice it is; null where it is nobody's. Throws where there is no such slice. */
export async function environmentOfSlice(db: Database, id: SliceId): Promise<EnvironmentId | null> {
  const [slice] = await db.select({ environmentId: serviceSlices.environmentId }).from(serviceSlices).where(eq(serviceSlices.id, id))
  if (!slice) throw new Error(`slice ${id} does not exist`)
  return slice.environmentId
}

/** A slice that nobody uses yet becomes the environment's own. */
export async function claimSlice(db: Database, id: SliceId, environmentId: EnvironmentId): Promise<Slice> {
  const [claimed] = await db.update(serviceSlices).set({ environmentId }).where(eq(serviceSlices.id, id)).returning(columns)
  if (!claimed) throw new Error(`slice ${id} does not exist`)
  return claimed
}
