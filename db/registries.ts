import { and, desc, eq, getTableColumns } from 'drizzle-orm'
import type { OrganisationId, RegistryId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { environments, registries } from './schema/index.ts'

const { password: sealedPassword, ...columns } = getTableColumns(registries)
/** An image registry without its password. */
export type Registry = Omit<typeof registries.$inferSelect, 'password'>

/** Who logs in; null where a registry gives to everybody. */
export type RegistryLogin = { username: string; password: Secret } | null

/** Registries of an organisation, newest first. */
export async function registriesOf(db: Database, organisationId: OrganisationId, page: PageRequest): Promise<Page<Registry>> {
  const rows = await db
    .select(columns)
    .from(registries)
    .where(and(eq(registries.organisationId, organisationId), behindCursor(registries.id, page)))
    .orderBy(desc(registries.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

/** All of them, for the engine: an organisation has a handful. */
export async function registriesAt(db: Database, organisationId: OrganisationId): Promise<Registry[]> {
  return db.select(columns).from(registries).where(eq(registries.organisationId, organisationId)).orderBy(registries.id)
}

const one = (organisationId: OrganisationId, id: RegistryId) =>
  and(eq(registries.organisationId, organisationId), eq(registries.id, id))

/** One registry of the organisation; null where it has none of this id. */
export async function registryOf(db: Database, organisationId: OrganisationId, id: RegistryId): Promise<Registry | null> {
  const [found] = await db.select(columns).from(registries).where(one(organisationId, id))
  return found ?? null
}

/** The login of a registry that exists. */
export async function registryLogin(db: Database, keyring: Keyring, id: RegistryId): Promise<RegistryLogin> {
  const [found] = await db
    .select({ username: registries.username, sealed: sealedPassword })
    .from(registries)
    .where(eq(registries.id, id))
  if (!found) throw new Error(`registry ${id} does not exist`)
  const { username, sealed } = found
  return username === null || sealed === null ? null : { username, password: keyring.open(sealed, sealedPlaces.registryPassword(id)) }
}

/** What people say of a registry. */
export type RegistrySettings = Pick<Registry, 'name' | 'type' | 'url' | 'namespace' | 'insecure' | 'use'> & { login: RegistryLogin }

const values = (keyring: Keyring, id: RegistryId, { login, ...settings }: RegistrySettings) => ({
  ...settings,
  username: login?.username ?? null,
  password: login ? keyring.seal(login.password, sealedPlaces.registryPassword(id)) : null,
  verifiedAt: new Date(),
})

/** Stores a registry that has just been verified; its password is sealed. */
export async function insertRegistry(
  db: Database,
  keyring: Keyring,
  { organisationId, ...settings }: RegistrySettings & { organisationId: OrganisationId },
): Promise<Registry> {
  const id = newId<RegistryId>()
  const [created] = await db.insert(registries).values({ id, organisationId, ...values(keyring, id, settings) }).returning(columns)
  if (!created) throw new Error('the registry was not stored')
  return created
}

/** Stores what has just been verified of a registry; null where there is none. */
export async function changeRegistry(
  db: Database,
  keyring: Keyring,
  { organisationId, id, ...settings }: RegistrySettings & { organisationId: OrganisationId; id: RegistryId },
): Promise<Registry | null> {
  const [changed] = await db.update(registries).set(values(keyring, id, settings)).where(one(organisationId, id)).returning(columns)
  return changed ?? null
}

/** Names of environments whose images lie in a registry. */
export async function environmentsUsing(db: Database, id: RegistryId): Promise<string[]> {
  const rows = await db.select({ name: environments.name }).from(environments).where(eq(environments.registryId, id)).orderBy(environments.name)
  return rows.map(({ name }) => name)
}

/** Removes a registry; false where there is none. The database refuses it where an environment uses it. */
export async function deleteRegistry(db: Database, organisationId: OrganisationId, id: RegistryId): Promise<boolean> {
  const removed = await db.delete(registries).where(one(organisationId, id)).returning({ id: registries.id })
  return removed.length > 0
}
