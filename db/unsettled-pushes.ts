import { and, eq, exists, inArray, isNull, sql } from 'drizzle-orm'
import type { ApplicationId, EnvironmentId } from '../domain/ids.ts'
import type { Reason } from '../domain/pushes.ts'
import type { Database } from './connect.ts'
import type { Environment } from './environments.ts'
import { applications, environments, operations, webhookDeliveries } from './schema/index.ts'
import type { PushResult } from './schema/webhooks.ts'

/** Applications with pushes that are not settled: their deliveries are stored, and what they come to is still to be worked out. */
export async function applicationsToSettle(db: Database): Promise<ApplicationId[]> {
  const rows = await db.selectDistinct({ id: webhookDeliveries.applicationId }).from(webhookDeliveries).where(isNull(webhookDeliveries.settledAt))
  return rows.map(({ id }) => id)
}

/** Takes the pushes of an application until the transaction ends, so that they are settled in the order in which they came; false where somebody has them. */
export async function takePushes(tx: Database, applicationId: ApplicationId): Promise<boolean> {
  const [row] = await tx.execute<{ taken: boolean }>(
    sql`select pg_try_advisory_xact_lock(hashtextextended('keystone.push/' || ${applicationId}::text, 0)) as taken`,
  )
  return row?.taken === true
}

/** A delivery with results that have a version. */
export interface UnsettledPush {
  id: string
  ref: string | null
  after: string | null
  pusher: string | null
  results: PushResult[]
  applicationName: string
  /** The delivery before this one has told of the same move of the ref. */
  isToldBefore: boolean
}

/** The oldest of an application. */
export async function unsettledPushes(tx: Database, applicationId: ApplicationId, limit: number): Promise<UnsettledPush[]> {
  const { id, ref, after, pusher, results, settledAt } = webhookDeliveries
  const isToldBefore = sql<boolean>`coalesce((
    select (earlier.before, earlier.after) is not distinct from (${webhookDeliveries.before}, ${after})
    from ${webhookDeliveries} earlier
    where earlier.application_id = ${webhookDeliveries.applicationId} and earlier.ref = ${ref} and earlier.id < ${id}
    order by earlier.id desc limit 1), false)`
  return tx
    .select({ id, ref, after, pusher, results, applicationName: applications.name, isToldBefore })
    .from(webhookDeliveries)
    .innerJoin(applications, eq(applications.id, webhookDeliveries.applicationId))
    .where(and(eq(webhookDeliveries.applicationId, applicationId), isNull(settledAt)))
    .orderBy(id)
    .limit(limit)
}

/** An environment that is pushed to; `isAwaited` where a deployment of it waits already. */
export interface PushedEnvironment {
  environment: Environment
  isAwaited: boolean
}

/** Those of these environments that can be deployed to. */
export async function pushedEnvironments(tx: Database, ids: readonly EnvironmentId[]): Promise<PushedEnvironment[]> {
  const waits = and(eq(operations.targetId, environments.id), eq(operations.kind, 'environment_deploy'), inArray(operations.status, ['queued', 'pending']))
  const isAwaited = sql<boolean>`${exists(tx.select({ id: operations.id }).from(operations).where(waits))}`
  return tx
    .select({ environment: environments, isAwaited })
    .from(environments)
    .where(and(inArray(environments.id, [...ids]), inArray(environments.status, ['new', 'active'])))
    .orderBy(environments.id)
}

/** What came of a push. */
export interface SettledPush {
  id: string
  reason: Reason | null
  results: PushResult[]
}

/** Notes what came of pushes. Their rows are held for no longer than this: the same push may just be delivered again. */
export async function recordSettled(tx: Database, pushes: readonly SettledPush[]): Promise<void> {
  await tx.execute(sql`
    update webhook_deliveries set reason = settled.reason, results = settled.results, settled_at = clock_timestamp()
    from jsonb_to_recordset(${JSON.stringify(pushes)}::jsonb) as settled(id uuid, reason jsonb, results jsonb)
    where webhook_deliveries.id = settled.id`)
}
