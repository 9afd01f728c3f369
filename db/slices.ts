import { and, desc, eq, getTableColumns, ne } from 'drizzle-orm'
import { sealCredentials } from '../domain/credentials.ts'
import type { EnvironmentId, ServiceId, SliceId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { serviceSlices } from './schema/index.ts'

const { credentials: sealedCredentials, ...columns } = getTableColumns(serviceSlices)
/** What `Slice` is selected by. */
export const sliceColumns = columns

/** A slice without its credentials. */
export type Slice = Omit<typeof serviceSlices.$inferSelect, 'credentials'>

const isPresent = ne(serviceSlices.status, 'removed')

/** All slices of a service; their configurations say what is taken. */
export async function slicesOf(db: Database, serviceId: ServiceId): Promise<Slice[]> {
  return db
    .select(columns)
    .from(serviceSlices)
    .where(and(isPresent, eq(serviceSlices.serviceId, serviceId)))
}

/** Slices whose data is, or was, in a service: also those that went with it. */
export async function slicesWithin(db: Database, serviceId: ServiceId): Promise<Slice[]> {
  return db.select(columns).from(serviceSlices).where(and(eq(serviceSlices.serviceId, serviceId), ne(serviceSlices.type, 'route')))
}

/** A slice to be stored; its credentials are empty where its driver has none. */
export type NewSlice = Omit<typeof serviceSlices.$inferInsert, 'id' | 'credentials'> & {
  credentials: Readonly<Record<string, Secret>>
}

/** Stores a slice; its credentials are sealed. */
export async function insertSlice(db: Database, keyring: Keyring, { credentials, ...values }: NewSlice): Promise<Slice> {
  const id = newId<SliceId>()
  const [created] = await db.insert(serviceSlices).values({ ...values, id, credentials: sealedOf(keyring, id, credentials) }).returning(columns)
  if (!created) throw new Error('the slice was not stored')
  return created
}

const sealedOf = (keyring: Keyring, id: SliceId, credentials: NewSlice['credentials']) =>
  Object.keys(credentials).length > 0 ? sealCredentials(keyring, credentials, sealedPlaces.sliceCredentials(id)) : null

/** What is stored of a slice from now on; credentials that are left out stay. */
export type SliceChange = Pick<NewSlice, 'config'> & Partial<Pick<NewSlice, 'credentials'>> & { id: SliceId }

/** Gives a slice other settings and credentials; these are sealed. Throws where there is no such slice. */
export async function changeSlice(db: Database, keyring: Keyring, { id, config, credentials }: SliceChange): Promise<Slice> {
  const sealed = credentials && { credentials: sealedOf(keyring, id, credentials) }
  const [changed] = await db.update(serviceSlices).set({ config, ...sealed }).where(eq(serviceSlices.id, id)).returning(columns)
  if (!changed) throw new Error(`slice ${id} does not exist`)
  return changed
}

/** Slices of a service, newest first. */
export async function slicePageOf(db: Database, serviceId: ServiceId, page: PageRequest): Promise<Page<Slice>> {
  const rows = await db
    .select(columns)
    .from(serviceSlices)
    .where(and(isPresent, eq(serviceSlices.serviceId, serviceId), behindCursor(serviceSlices.id, page)))
    .orderBy(desc(serviceSlices.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

/** One slice of a service; null where it has none of this id, or it was removed. */
export async function sliceOf(db: Database, serviceId: ServiceId, id: SliceId): Promise<Slice | null> {
  const [found] = await db.select(columns).from(serviceSlices).where(and(isPresent, eq(serviceSlices.serviceId, serviceId), eq(serviceSlices.id, id)))
  return found ?? null
}

/** Takes the row of a slice until the transaction ends. Throws where there is no such slice. */
export async function lockSlice(tx: Database, id: SliceId): Promise<Slice> {
  const [slice] = await tx.select(columns).from(serviceSlices).where(eq(serviceSlices.id, id)).for('update')
  if (!slice) throw new Error(`slice ${id} does not exist`)
  return slice
}

/** A slice that nobody uses yet becomes the environment's own. */
export async function claimSlice(db: Database, id: SliceId, environmentId: EnvironmentId): Promise<Slice> {
  const [claimed] = await db.update(serviceSlices).set({ environmentId }).where(eq(serviceSlices.id, id)).returning(columns)
  if (!claimed) throw new Error(`slice ${id} does not exist`)
  return claimed
}
