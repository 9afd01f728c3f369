import { and, desc, eq, getTableColumns, ne } from 'drizzle-orm'
import type { OrganisationId, ProviderId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { providers, servers } from './schema/index.ts'

const { token: sealedToken, ...columns } = getTableColumns(providers)
/** An account at a provider without its token. */
export type StoredProvider = Omit<typeof providers.$inferSelect, 'token'>

/** Providers of an organisation, newest first. */
export async function providersOf(db: Database, organisationId: OrganisationId, page: PageRequest): Promise<Page<StoredProvider>> {
  const rows = await db
    .select(columns)
    .from(providers)
    .where(and(eq(providers.organisationId, organisationId), behindCursor(providers.id, page)))
    .orderBy(desc(providers.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

const one = (organisationId: OrganisationId, id: ProviderId) => and(eq(providers.organisationId, organisationId), eq(providers.id, id))

/** One provider of the organisation; null where it has none of this id. */
export async function providerOf(db: Database, organisationId: OrganisationId, id: ProviderId): Promise<StoredProvider | null> {
  const [found] = await db.select(columns).from(providers).where(one(organisationId, id))
  return found ?? null
}

/** Which driver a provider that exists is asked by, and as whom. */
export async function providerAccess(db: Database, keyring: Keyring, id: ProviderId) {
  const [found] = await db.select({ type: providers.type, name: providers.name, token: sealedToken }).from(providers).where(eq(providers.id, id))
  if (!found) throw new Error(`provider ${id} does not exist`)
  const { type, name, token } = found
  return { type, name, access: { token: keyring.open(token, sealedPlaces.providerToken(id)) } }
}

/** A provider whose token has just been verified. */
interface NewProvider extends Pick<StoredProvider, 'organisationId' | 'name' | 'type'> {
  token: Secret
}

/** Stores a provider; its token is sealed. */
export async function insertProvider(db: Database, keyring: Keyring, { token, ...values }: NewProvider): Promise<StoredProvider> {
  const id = newId<ProviderId>()
  const sealed = keyring.seal(token, sealedPlaces.providerToken(id))
  const [created] = await db.insert(providers).values({ ...values, id, token: sealed, verifiedAt: new Date() }).returning(columns)
  if (!created) throw new Error('the provider was not stored')
  return created
}

/** Stores another token that has just been verified; null where there is no such provider. */
export async function rotateToken(
  db: Database,
  keyring: Keyring,
  { organisationId, id, token }: { organisationId: OrganisationId; id: ProviderId; token: Secret },
): Promise<StoredProvider | null> {
  const sealed = keyring.seal(token, sealedPlaces.providerToken(id))
  const [changed] = await db.update(providers).set({ token: sealed, verifiedAt: new Date() }).where(one(organisationId, id)).returning(columns)
  return changed ?? null
}

/** Names of servers that were bought there. */
export async function serversBoughtAt(db: Database, id: ProviderId): Promise<string[]> {
  const rows = await db.select({ name: servers.name }).from(servers).where(and(eq(servers.providerId, id), ne(servers.status, 'removed'))).orderBy(servers.name)
  return rows.map(({ name }) => name)
}

/** Forgets a provider; false where there is none. The database refuses it where a server is from there. */
export async function deleteProvider(tx: Database, organisationId: OrganisationId, id: ProviderId): Promise<boolean> {
  await tx.update(servers).set({ providerId: null }).where(and(eq(servers.providerId, id), eq(servers.status, 'removed')))
  const removed = await tx.delete(providers).where(one(organisationId, id)).returning({ id: providers.id })
  return removed.length > 0
}
