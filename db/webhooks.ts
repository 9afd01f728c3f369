import { and, desc, eq, exists, inArray, isNull, lt, or, sql } from 'drizzle-orm'
import type { ApplicationId, OrganisationId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import type { Reason, WebhookProvider } from '../domain/pushes.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import type { Environment } from './environments.ts'
import { newId } from './ids.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { applications, environments, operations, webhookDeliveries } from './schema/index.ts'
import type { PushResult } from './schema/webhooks.ts'

export type { PushResult } from './schema/webhooks.ts'

/** An application whose git host tells of pushes. */
export interface WebhookReceiver {
  id: ApplicationId
  organisationId: OrganisationId
  name: string
  projectRoot: string
  secret: Secret
  /** One that follows it, once it has been used. */
  nextSecret: Secret | null
}

/** The application that deliveries of this id are for; null where there is none, or it takes none. */
export async function webhookReceiver(db: Database, keyring: Keyring, applicationId: ApplicationId): Promise<WebhookReceiver | null> {
  const { id, organisationId, name, projectRoot, webhookSecret, nextWebhookSecret } = applications
  const [found] = await db
    .select({ id, organisationId, name, projectRoot, sealed: webhookSecret, nextSealed: nextWebhookSecret })
    .from(applications)
    .where(and(eq(id, applicationId), isNull(applications.removedAt)))
  if (!found?.sealed) return null
  const { sealed, nextSealed, ...receiver } = found
  const nextSecret = nextSealed === null ? null : keyring.open(nextSealed, sealedPlaces.nextWebhookSecret(applicationId))
  return { ...receiver, secret: keyring.open(sealed, sealedPlaces.webhookSecret(applicationId)), nextSecret }
}

/** The git host signs with the new secret: the one before is forgotten. Nothing where yet another one follows by now. */
export async function completeWebhookRotation(db: Database, keyring: Keyring, id: ApplicationId, used: Secret): Promise<void> {
  await db.transaction(async (tx) => {
    const [current] = await tx.select({ sealed: applications.nextWebhookSecret }).from(applications).where(eq(applications.id, id)).for('update')
    if (!current?.sealed || keyring.open(current.sealed, sealedPlaces.nextWebhookSecret(id)).reveal() !== used.reveal()) return
    const webhookSecret = keyring.seal(used, sealedPlaces.webhookSecret(id))
    await tx.update(applications).set({ webhookSecret, nextWebhookSecret: null }).where(eq(applications.id, id))
  })
}

/** A delivery as it is stored. */
export type Delivery = typeof webhookDeliveries.$inferSelect

/** What was delivered. */
export interface NewDelivery {
  organisationId: OrganisationId
  applicationId: ApplicationId
  provider: WebhookProvider
  event: string
  deliveryId: string | null
  bodyHash: string
  ref: string | null
  before: string | null
  after: string | null
}

/**
 * Stores a delivery, or finds that it has come before: under its id, or the same bytes under another one. Two that come at once wait for
 * each other. Answers with the first one then, which counts the repetition.
 */
export async function storeDelivery(tx: Database, delivery: NewDelivery): Promise<{ id: string } | { first: Delivery }> {
  const id = newId<string>()
  const stored = await tx.insert(webhookDeliveries).values({ id, ...delivery }).onConflictDoNothing().returning({ id: webhookDeliveries.id })
  return stored.length > 0 ? { id } : { first: await repeated(tx, delivery) }
}

async function repeated(tx: Database, { applicationId, bodyHash, provider, deliveryId }: NewDelivery): Promise<Delivery> {
  const isSameDelivery = deliveryId === null ? undefined : and(eq(webhookDeliveries.provider, provider), eq(webhookDeliveries.deliveryId, deliveryId))
  const [first] = await tx
    .update(webhookDeliveries)
    .set({ repeats: sql`${webhookDeliveries.repeats} + 1`, repeatedAt: sql`now()` })
    .where(and(eq(webhookDeliveries.applicationId, applicationId), or(eq(webhookDeliveries.bodyHash, bodyHash), isSameDelivery)))
    .returning()
  if (!first) throw new Error(`a delivery of ${bodyHash} was there and is not found`)
  return first
}

/** Notes what came of a delivery. */
export async function recordResults(tx: Database, id: string, { reason, results }: { reason: Reason | null; results: PushResult[] }): Promise<void> {
  await tx.update(webhookDeliveries).set({ reason, results }).where(eq(webhookDeliveries.id, id))
}

/** How the newest delivery about a ref says that it moved; null where there was none. */
export async function newestMove(db: Database, applicationId: ApplicationId, ref: string): Promise<{ before: string | null; after: string | null } | null> {
  const { before, after } = webhookDeliveries
  const [found] = await db
    .select({ before, after })
    .from(webhookDeliveries)
    .where(and(eq(webhookDeliveries.applicationId, applicationId), eq(webhookDeliveries.ref, ref)))
    .orderBy(desc(webhookDeliveries.id))
    .limit(1)
  return found ?? null
}

/** An environment that may be pushed to; `isAwaited` where a deployment of it waits already. */
export interface PushedEnvironment {
  environment: Environment
  isAwaited: boolean
}

/** Environments of an application that can be deployed to. */
export async function environmentsToPushTo(db: Database, applicationId: ApplicationId): Promise<PushedEnvironment[]> {
  const isPresent = inArray(environments.status, ['new', 'active'])
  const waits = and(eq(operations.targetId, environments.id), eq(operations.kind, 'environment_deploy'), inArray(operations.status, ['queued', 'pending']))
  return db
    .select({ environment: environments, isAwaited: sql<boolean>`${exists(db.select({ id: operations.id }).from(operations).where(waits))}` })
    .from(environments)
    .where(and(eq(environments.applicationId, applicationId), isPresent))
    .orderBy(environments.id)
}

/** Deliveries of an application, newest first. */
export async function deliveriesOf(db: Database, applicationId: ApplicationId, page: PageRequest): Promise<Page<Delivery>> {
  const rows = await db
    .select()
    .from(webhookDeliveries)
    .where(and(eq(webhookDeliveries.applicationId, applicationId), behindCursor(webhookDeliveries.id, page)))
    .orderBy(desc(webhookDeliveries.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

/** As long as people may wonder, and git hosts offer to deliver once more. */
const keptDays = 30

/** Forgets deliveries of long ago. */
export async function pruneDeliveries(db: Database): Promise<void> {
  await db.delete(webhookDeliveries).where(lt(webhookDeliveries.receivedAt, sql`now() - make_interval(days => ${keptDays})`))
}
