import { and, desc, eq, getTableColumns, isNull, sql } from 'drizzle-orm'
import type { ApplicationId, OrganisationId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { applications } from './schema/index.ts'

const { deployKeyPrivate, nextDeployKeyPrivate, webhookSecret, nextWebhookSecret, ...stored } = getTableColumns(applications)
const webhook = sql<WebhookState>`case when ${nextWebhookSecret} is not null then 'rotating' when ${webhookSecret} is not null then 'ready' else 'none' end`
const columns = { ...stored, webhook }

/** Whether an application has a webhook secret, and whether another one follows it. */
export const webhookStates = ['none', 'ready', 'rotating'] as const
type WebhookState = (typeof webhookStates)[number]

type SecretColumn = 'deployKeyPrivate' | 'nextDeployKeyPrivate' | 'webhookSecret' | 'nextWebhookSecret'
/** An application without what is secret of it. */
export type Application = Omit<typeof applications.$inferSelect, SecretColumn> & { webhook: WebhookState }

/** A key pair that a repository is read with. */
export interface DeployKey {
  publicKey: string
  privateKey: Secret
  fingerprint: string
}

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
  deployKey: DeployKey
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

export type ApplicationChange = Partial<Pick<Application, 'repositoryUrl' | 'repositoryType' | 'defaultBranch'>>

/** Changes an application that exists. Nobody has seen yet that its deploy key opens another repository than before. */
export async function changeApplication(tx: Database, id: ApplicationId, change: ApplicationChange): Promise<Application> {
  const isThere = change.repositoryUrl === undefined ? sql`true` : eq(applications.repositoryUrl, change.repositoryUrl)
  const [changed] = await tx
    .update(applications)
    .set({ ...change, deployKeyInstalledAt: sql`case when ${isThere} then ${applications.deployKeyInstalledAt} end`, updatedAt: sql`now()` })
    .where(eq(applications.id, id))
    .returning(columns)
  if (!changed) throw new Error(`application ${id} does not exist`)
  return changed
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

/** Stores the key that is to follow, unless one waits already: then that one stays. */
export async function beginDeployKeyRotation(tx: Database, keyring: Keyring, id: ApplicationId, key: DeployKey): Promise<Application> {
  const next = {
    nextDeployKeyPublic: key.publicKey,
    nextDeployKeyPrivate: keyring.seal(key.privateKey, sealedPlaces.nextDeployKey(id)),
    nextDeployKeyFingerprint: key.fingerprint,
  }
  await tx.update(applications).set(next).where(and(eq(applications.id, id), isNull(applications.nextDeployKeyPublic)))
  return presentOne(tx, id)
}

const noNextDeployKey = { nextDeployKeyPublic: null, nextDeployKeyPrivate: null, nextDeployKeyFingerprint: null } as const

/** The key that was to follow is forgotten; fine where there is none. */
export async function abandonDeployKeyRotation(tx: Database, id: ApplicationId): Promise<Application> {
  await tx.update(applications).set(noNextDeployKey).where(eq(applications.id, id))
  return presentOne(tx, id)
}

/** The private half of the key that is to follow; null where none is. */
export async function nextDeployKeyOf(db: Database, keyring: Keyring, id: ApplicationId): Promise<DeployKey | null> {
  const { nextDeployKeyPublic: publicKey, nextDeployKeyPrivate: sealed, nextDeployKeyFingerprint: fingerprint } = applications
  const [found] = await db.select({ publicKey, sealed, fingerprint }).from(applications).where(eq(applications.id, id))
  if (!found?.publicKey || !found.sealed || !found.fingerprint) return null
  return { publicKey: found.publicKey, fingerprint: found.fingerprint, privateKey: keyring.open(found.sealed, sealedPlaces.nextDeployKey(id)) }
}

/** From now on the repository is read with this key, which it was seen to take; the one before is forgotten. Null where another one follows by now. */
export async function completeDeployKeyRotation(tx: Database, keyring: Keyring, id: ApplicationId, key: DeployKey): Promise<Application | null> {
  const rotated = {
    deployKeyPublic: key.publicKey,
    deployKeyPrivate: keyring.seal(key.privateKey, sealedPlaces.deployKey(id)),
    deployKeyFingerprint: key.fingerprint,
    deployKeyInstalledAt: sql`now()`,
  }
  const [updated] = await tx
    .update(applications)
    .set({ ...rotated, ...noNextDeployKey })
    .where(and(eq(applications.id, id), eq(applications.nextDeployKeyPublic, key.publicKey)))
    .returning(columns)
  return updated ?? null
}

async function presentOne(tx: Database, id: ApplicationId): Promise<Application> {
  const [found] = await tx.select(columns).from(applications).where(eq(applications.id, id))
  if (!found) throw new Error(`application ${id} does not exist`)
  return found
}

/** Takes the row of an application until the transaction ends: nothing is made below it meanwhile. */
export async function lockApplication(tx: Database, id: ApplicationId): Promise<void> {
  await tx.select({ id: applications.id }).from(applications).where(eq(applications.id, id)).for('update')
}

/**
 * Stores a secret that pushes are signed with from now on. The one before counts until the first delivery that is signed with the new one,
 * so that none is refused meanwhile; one that was to follow and was never used is forgotten.
 */
export async function storeWebhookSecret(tx: Database, keyring: Keyring, id: ApplicationId, secret: Secret): Promise<Application> {
  const [current] = await tx.select({ sealed: applications.webhookSecret }).from(applications).where(eq(applications.id, id)).for('update')
  const next = current?.sealed
    ? { nextWebhookSecret: keyring.seal(secret, sealedPlaces.nextWebhookSecret(id)) }
    : { webhookSecret: keyring.seal(secret, sealedPlaces.webhookSecret(id)) }
  await tx.update(applications).set(next).where(eq(applications.id, id))
  return presentOne(tx, id)
}

const noWebhookSecret = { webhookSecret: null, nextWebhookSecret: null } as const

/** From now on no delivery is taken. */
export async function forgetWebhookSecrets(tx: Database, id: ApplicationId): Promise<Application> {
  await tx.update(applications).set(noWebhookSecret).where(eq(applications.id, id))
  return presentOne(tx, id)
}

/** An application is gone, and its deploy key forgotten; what it was stays in the history of its operations. */
export async function removeApplication(tx: Database, keyring: Keyring, id: ApplicationId): Promise<void> {
  const forgotten = keyring.seal(new Secret(''), sealedPlaces.deployKey(id))
  await tx.update(applications).set({ removedAt: sql`now()`, deployKeyPrivate: forgotten, ...noNextDeployKey, ...noWebhookSecret }).where(eq(applications.id, id))
}
