import { and, desc, eq, getTableColumns, inArray, ne, sql } from 'drizzle-orm'
import type { ServerPlace } from '../domain/endpoints.ts'
import type { Keyring } from '../domain/keyring.ts'
import type { OrganisationId, ServerId } from '../domain/ids.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { servers } from './schema/index.ts'
import type { Credential } from './server-access.ts'

const { managementKeyPrivate, adoptionKeyPrivate, adoptionPassword, ...stored } = getTableColumns(servers)

/**
 * The IPv4 address that a server was adopted by, if it is its own: one that is translated on the way cannot be published on. Null where
 * that is a name or an IPv6 address; a server that has not said what addresses it has is believed.
 */
export const publicAddress = sql<string | null>`(case
  when ${servers.address} ~ '^[0-9]{1,3}([.][0-9]{1,3}){3}$'
    and ${servers.address} = any(string_to_array(coalesce(${servers.facts} ->> 'addresses', ${servers.address}), ' '))
  then ${servers.address} end)`

const columns = { ...stored, publicAddress }
/** A server without its keys. */
export type Server = Omit<typeof servers.$inferSelect, 'managementKeyPrivate' | 'adoptionKeyPrivate' | 'adoptionPassword'> & { publicAddress: string | null }

const present = (organisationId: OrganisationId) => and(eq(servers.organisationId, organisationId), ne(servers.status, 'removed'))

/** Servers of an organisation, newest first. */
export async function serversOf(db: Database, organisationId: OrganisationId, page: PageRequest): Promise<Page<Server>> {
  const rows = await db
    .select(columns)
    .from(servers)
    .where(and(present(organisationId), behindCursor(servers.id, page)))
    .orderBy(desc(servers.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

/** One server of the organisation; null where it has none of this id, or it was removed. */
export async function serverOf(db: Database, organisationId: OrganisationId, id: ServerId): Promise<Server | null> {
  const [found] = await db.select(columns).from(servers).where(and(present(organisationId), eq(servers.id, id)))
  return found ?? null
}

/** Those of the ids that are servers of the organisation, in no order. */
export async function serversAmong(db: Database, organisationId: OrganisationId, ids: readonly ServerId[]): Promise<Server[]> {
  return db.select(columns).from(servers).where(and(present(organisationId), inArray(servers.id, [...ids])))
}

/** Where the servers of an organisation stand for each other, by id. */
export async function serverPlaces(db: Database, organisationId: OrganisationId): Promise<ReadonlyMap<string, ServerPlace>> {
  const rows = await db.select(placeColumns).from(servers).where(present(organisationId))
  return new Map(rows.map((place) => [place.serverId, place]))
}

/** What checks ask of a server; `lowDiskMb`: what is left of its disk, null where that is enough. */
export interface ServerState extends Pick<ServerPlace, 'privateNetwork'> {
  name: string
  lowDiskMb: number | null
}

/** The servers of an organisation as checks see them, by id. */
export async function serverStates(db: Database, organisationId: OrganisationId): Promise<ReadonlyMap<string, ServerState>> {
  const lowDiskMb = sql<number | null>`(${servers.facts} ->> 'lowDiskMb')::int`
  const rows = await db
    .select({ id: servers.id, name: servers.name, privateNetwork: servers.privateNetwork, lowDiskMb })
    .from(servers)
    .where(present(organisationId))
  return new Map(rows.map(({ id, ...state }) => [id, state]))
}

/** Records that little is left of a server's disk, or no more that it is. */
export async function recordDisk(db: Database, id: ServerId, lowDiskMb: number | null): Promise<void> {
  const facts = lowDiskMb === null ? sql`${servers.facts} - 'lowDiskMb'` : sql`${servers.facts} || ${JSON.stringify({ lowDiskMb: `${lowDiskMb}` })}::jsonb`
  await db.update(servers).set({ facts }).where(and(eq(servers.id, id), sql`${servers.facts} is distinct from ${facts}`))
}

/** The columns of a ServerPlace. */
export const placeColumns = {
  ...{ serverId: servers.id, privateAddress: servers.privateAddress, privateNetwork: servers.privateNetwork },
  publicAddress,
}

/** How people call a server. Throws where there is none of this id, since ids inside the engine come from the database. */
export async function serverName(db: Database, id: ServerId): Promise<string> {
  const [server] = await db.select({ name: servers.name }).from(servers).where(eq(servers.id, id))
  if (!server) throw new Error(`server ${id} does not exist`)
  return server.name
}

/** Where one server stands. Throws where there is none of this id, since ids inside the engine come from the database. */
export async function serverPlace(db: Database, id: ServerId): Promise<ServerPlace> {
  const [place] = await db.select(placeColumns).from(servers).where(eq(servers.id, id))
  if (!place) throw new Error(`server ${id} does not exist`)
  return place
}

/** How a server is logged in to until the management key works. A user who is not root may use sudo without a password. */
export interface FirstLogin {
  user: string
  credential: Credential
}

/** A server that its user has given the address of. */
export interface Adoption {
  organisationId: OrganisationId
  name: string
  address: string
  sshPort: number
  privateAddress: string | null
  privateNetwork: string | null
  /** The pinned key line; a person has confirmed it. */
  hostKey: string
  managementKey: { publicKey: string; privateKey: Secret }
  firstLogin: FirstLogin
}

/** Stores a new server; both private keys are sealed. */
export async function insertServer(db: Database, keyring: Keyring, adoption: Adoption): Promise<Server> {
  const { managementKey, firstLogin, ...values } = adoption
  const id = newId<ServerId>()
  const [created] = await db
    .insert(servers)
    .values({
      ...values,
      id,
      managementKeyPublic: managementKey.publicKey,
      managementKeyPrivate: keyring.seal(managementKey.privateKey, sealedPlaces.managementKey(id)),
      ...sealedLogin(keyring, id, firstLogin),
    })
    .returning(columns)
  if (!created) throw new Error('the server was not stored')
  return created
}

/** The columns of a first login, one of which is null. */
const sealedLogin = (keyring: Keyring, id: ServerId, { user, credential }: FirstLogin) => ({
  adoptionUser: user,
  adoptionKeyPrivate: 'privateKey' in credential ? keyring.seal(credential.privateKey, sealedPlaces.adoptionKey(id)) : null,
  adoptionPassword: 'password' in credential ? keyring.seal(credential.password, sealedPlaces.adoptionPassword(id)) : null,
})

/** A server that was installed anew is logged in to as at its adoption, until the management key works again. */
export async function adoptAgain(tx: Database, keyring: Keyring, { id }: Pick<Server, 'id'>, login: FirstLogin): Promise<void> {
  await tx.update(servers).set(sealedLogin(keyring, id, login)).where(eq(servers.id, id))
}

/** A server is called otherwise from now on; what has happened keeps the name that it had. */
export async function renameServer(tx: Database, id: ServerId, name: string): Promise<void> {
  await tx.update(servers).set({ name }).where(eq(servers.id, id))
}

/** Another host key is pinned, which a person has confirmed. */
export async function pinHostKey(tx: Database, id: ServerId, hostKey: string): Promise<void> {
  await tx.update(servers).set({ hostKey }).where(eq(servers.id, id))
}
