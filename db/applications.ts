import { and, desc, eq, getTableColumns, isNull, sql } from 'drizzle-orm'
import type { ApplicationId, OrganisationId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { applications } from './schema/index.ts'

const { deployKeyPrivate, ...columns } = getTableColumns(applications)
/** An application without its private deploy key. */
export type Application = Omit<typeof applications.$inferSelect, 'deployKeyPrivate'>

/** Applications of an organisation, newest first. */
export async function applicationsOf(
  db: Database,
  organisationId: OrganisationId,
  page: PageRequest,
): Promise<Page<Application>> {
  const rows = await db
    .select(columns)
    .from(applications)
    .where(and(eq(applications.organisationId, organisationId), isNull(applications.removedAt), behindCursor(applications.id, page)))
    .orderBy(desc(applications.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

const one = (organisationId: OrganisationId, id: ApplicationId) =>
  and(eq(applications.organisationId, organisationId), eq(applications.id, id), isNull(applications.removedAt))

/** One application of the organisation; null where it has none of this id. */
export async function applicationOf(
  db: Database,
  organisationId: OrganisationId,
  id: ApplicationId,
): Promise<Application | null> {
  const [found] = await db.select(columns).from(applications).where(one(organisationId, id))
  return found ?? null
}

/** An application to be stored, with the key pair that its repository is read with. */
export interface NewApplication {
  organisationId: OrganisationId
  name: string
  repositoryUrl: string
  repositoryType: Application['repositoryType']
  projectRoot: string
  defaultBranch: string
  deployKey: { publicKey: string; privateKey: Secret; fingerprint: string }
}

/** Stores a new application; its private deploy key is sealed. */
export async function insertApplication(db: Database, keyring: Keyring, application: NewApplication): Promise<Application> {
  const { deployKey, ...values } = application
  const id = newId<ApplicationId>()
  const [created] = await db
    .insert(applications)
    .values({
      ...values,
      id,
      deployKeyPublic: deployKey.publicKey,
      deployKeyPrivate: keyring.seal(deployKey.privateKey, sealedPlaces.deployKey(id)),
      deployKeyFingerprint: deployKey.fingerprint,
    })
    .returning(columns)
  if (!created) throw new Error('the application was not stored')
  return created
}

/** The private deploy key of an application that exists. */
export async function deployKeyOf(db: Database, keyring: Keyring, id: ApplicationId): Promise<Secret> {
  const [found] = await db.select({ sealed: applications.deployKeyPrivate }).from(applications).where(eq(applications.id, id))
  if (!found) throw new Error(`application ${id} does not exist`)
  return keyring.open(found.sealed, sealedPlaces.deployKey(id))
}

/** Records that the deploy key opened the repository; the first time counts. */
export async function markDeployKeyInstalled(
  db: Database,
  organisationId: OrganisationId,
  id: ApplicationId,
): Promise<Application> {
  const [updated] = await db
    .update(applications)
    .set({ deployKeyInstalledAt: sql`coalesce(${applications.deployKeyInstalledAt}, now())` })
    .where(one(organisationId, id))
    .returning(columns)
  if (!updated) throw new Error(`application ${id} does not exist`)
  return updated
}

/** Takes the row of an application until the transaction ends: nothing is made below it meanwhile. */
export async function lockApplication(tx: Database, id: ApplicationId): Promise<void> {
  await tx.select({ id: applications.id }).from(applications).where(eq(applications.id, id)).for('update')
}

/** An application is gone, and its deploy key forgotten; what it was stays in the history of its operations. */
export async function removeApplication(tx: Database, keyring: Keyring, id: ApplicationId): Promise<void> {
  const forgotten = keyring.seal(new Secret(''), sealedPlaces.deployKey(id))
  await tx.update(applications).set({ removedAt: sql`now()`, deployKeyPrivate: forgotten }).where(eq(applications.id, id))
}
