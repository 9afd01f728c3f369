import { and, desc, eq, inArray, isNull, or, sql } from 'drizzle-orm'
import type { ApplicationId, OrganisationId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import type { Reason, WebhookProvider } from '../domain/pushes.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { applications, environments, webhookDeliveries } from './schema/index.ts'
import type { PushResult } from './schema/webhooks.ts'
import type { Delivery } from './webhooks.ts'

/** An application whose git host tells of pushes. */
export interface WebhookReceiver {
  id: ApplicationId
  organisationId: OrganisationId
  name: string
  projectRoot: string
  secret: Secret
  /** One that follows it, once it has been used. */
  nextSecret: Secret | null
  environments: ReceivingEnvironment[]
}

/** What of an environment that can be deployed to decides whether a push is. */
export type ReceivingEnvironment = Pick<
  typeof environments.$inferSelect,
  'id' | 'name' | 'branch' | 'deployOnPush' | 'deployTags' | 'triggerPaths' | 'buildStrategy'
> & {
  /** How the newest delivery about its branch says that it moved; null where there was none. */
  newest: { before: string | null; after: string | null } | null
}

/** What was delivered, and what is known at once of what comes of it. */
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
  pusher: string | null
  reason: Reason | null
  results: PushResult[]
}

/** What every delivery asks of the database: one look, and one statement that stores it. */
export interface WebhookIntake {
  /** The application that deliveries of this id are for; null where there is none, or it takes none. */
  receiver(id: ApplicationId): Promise<WebhookReceiver | null>
  /**
   * Stores a delivery, or finds that it has come before: under its id, or the same bytes under another one. Two that come at once wait
   * for each other. Answers with the first one then, which counts the repetition.
   */
  store(delivery: NewDelivery): Promise<{ id: string } | { first: Delivery }>
}

/** Its statements are prepared, since git hosts do not wait long and many of them may push at once. */
export function createWebhookIntake(db: Database, keyring: Keyring): WebhookIntake {
  const [find, insert, repeat] = [finding(db), inserting(db), repeating(db)]
  return {
    async receiver(id) {
      const rows = await find.execute({ id })
      const [found] = rows
      if (!found?.application.sealed) return null
      const { sealed, nextSealed, ...application } = found.application
      return {
        ...application,
        secret: keyring.open(sealed, sealedPlaces.webhookSecret(id)),
        nextSecret: nextSealed === null ? null : keyring.open(nextSealed, sealedPlaces.nextWebhookSecret(id)),
        environments: rows.flatMap(({ environment, newest }) => (environment ? [{ ...environment, newest }] : [])),
      }
    },

    async store(delivery) {
      const id = newId<string>()
      const isSettled = delivery.results.every(({ version }) => version === undefined)
      const stored = await insert.execute({ ...delivery, id, isSettled })
      if (stored.length > 0) return { id }
      const [first] = await repeat.execute({ ...delivery })
      if (!first) throw new Error(`a delivery of ${delivery.bodyHash} was there and is not found`)
      return { first }
    },
  }
}

function finding(db: Database) {
  const { id, organisationId, name, projectRoot, webhookSecret: sealed, nextWebhookSecret: nextSealed } = applications
  const { id: environmentId, name: environmentName, branch, deployOnPush, deployTags, triggerPaths, buildStrategy } = environments
  const newest = db
    .select({ before: webhookDeliveries.before, after: webhookDeliveries.after })
    .from(webhookDeliveries)
    .where(and(eq(webhookDeliveries.applicationId, environments.applicationId), eq(webhookDeliveries.ref, sql`'refs/heads/' || ${branch}`)))
    .orderBy(desc(webhookDeliveries.id))
    .limit(1)
    .as('newest')
  return db
    .select({
      application: { id, organisationId, name, projectRoot, sealed, nextSealed },
      environment: { id: environmentId, name: environmentName, branch, deployOnPush, deployTags, triggerPaths, buildStrategy },
      newest: { before: newest.before, after: newest.after },
    })
    .from(applications)
    .leftJoin(environments, and(eq(environments.applicationId, id), inArray(environments.status, ['new', 'active'])))
    .leftJoinLateral(newest, sql`true`)
    .where(and(eq(id, sql.placeholder('id')), isNull(applications.removedAt)))
    .orderBy(environmentId)
    .prepare('webhook_receiver')
}

const { placeholder } = sql

function inserting(db: Database) {
  return db
    .insert(webhookDeliveries)
    .values({
      ...{ id: placeholder('id'), organisationId: placeholder('organisationId'), applicationId: placeholder('applicationId') },
      ...{ provider: placeholder('provider'), event: placeholder('event'), deliveryId: placeholder('deliveryId'), bodyHash: placeholder('bodyHash') },
      ...{ ref: placeholder('ref'), before: placeholder('before'), after: placeholder('after'), pusher: placeholder('pusher') },
      ...{ reason: placeholder('reason'), results: placeholder('results') },
      settledAt: sql`case when ${placeholder('isSettled')}::boolean then now() end`,
    })
    .onConflictDoNothing()
    .returning({ id: webhookDeliveries.id })
    .prepare('store_webhook_delivery')
}

function repeating(db: Database) {
  const { applicationId, bodyHash, provider, deliveryId, repeats } = webhookDeliveries
  const isSameDelivery = and(eq(provider, placeholder('provider')), eq(deliveryId, placeholder('deliveryId')))
  return db
    .update(webhookDeliveries)
    .set({ repeats: sql`${repeats} + 1`, repeatedAt: sql`now()` })
    .where(and(eq(applicationId, placeholder('applicationId')), or(eq(bodyHash, placeholder('bodyHash')), isSameDelivery)))
    .returning()
    .prepare('repeat_webhook_delivery')
}
