import { and, desc, eq, isNotNull, lt, sql } from 'drizzle-orm'
import type { ApplicationId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { applications, webhookDeliveries } from './schema/index.ts'

export type { PushResult } from './schema/webhooks.ts'

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
  const isOld = lt(webhookDeliveries.receivedAt, sql`now() - make_interval(days => ${keptDays})`)
  await db.delete(webhookDeliveries).where(and(isOld, isNotNull(webhookDeliveries.settledAt)))
}
