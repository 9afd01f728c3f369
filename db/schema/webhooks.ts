import { sql } from 'drizzle-orm'
import { index, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import type { ApplicationId, EnvironmentId, OperationId } from '../../domain/ids.ts'
import { type PushedVersion, type Reason, webhookProviders } from '../../domain/pushes.ts'
import { organisationId } from './access.ts'
import { applications } from './applications.ts'
import { id, moment, ofSameOwner, oneOf } from './columns.ts'

/** What came of a push for one environment; `reason` says why nothing did. */
export interface PushResult {
  environmentId: EnvironmentId
  environmentName: string
  operationId: OperationId | null
  reason: Reason | null
  /** What is to be deployed, until a deployment of it has been requested or refused. */
  version?: PushedVersion
}

/** Signed deliveries of git hosts, each push once: the payload's hash tells one that is delivered again, whatever id that has. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: id<string>(),
    organisationId: organisationId(),
    applicationId: uuid('application_id').$type<ApplicationId>().notNull(),
    provider: text('provider', { enum: webhookProviders }).notNull(),
    event: text('event').notNull(),
    /** The host's own name for it. */
    deliveryId: text('delivery_id'),
    /** SHA-256 of the payload, in hex. */
    bodyHash: text('body_hash').notNull(),
    /** As git writes it, `refs/heads/main`; null where it is about none. */
    ref: text('ref'),
    /** What the ref was at; null where it was new or nothing was said of it. */
    before: text('before'),
    /** What it was at from then on; null where it was deleted or nothing was said of it. */
    after: text('after'),
    /** Who has pushed, as the host calls him; null where it is about no push. */
    pusher: text('pusher'),
    /** Why nothing was done for any environment. */
    reason: jsonb('reason').$type<Reason>(),
    results: jsonb('results').$type<PushResult[]>().notNull().default([]),
    receivedAt: moment('received_at').notNull().defaultNow(),
    /** When it was known what came of it; null while a result has a version. */
    settledAt: moment('settled_at').defaultNow(),
    /** How often it has come since. */
    repeats: integer('repeats').notNull().default(0),
    repeatedAt: moment('repeated_at'),
  },
  (t) => [
    uniqueIndex('webhook_deliveries_body').on(t.applicationId, t.bodyHash),
    uniqueIndex('webhook_deliveries_delivery').on(t.applicationId, t.provider, t.deliveryId),
    index('webhook_deliveries_ref').on(t.applicationId, t.ref, t.id),
    index('webhook_deliveries_listed').on(t.applicationId, t.id),
    index('webhook_deliveries_received').on(t.receivedAt),
    index('webhook_deliveries_unsettled').on(t.applicationId, t.id).where(sql`${t.settledAt} is null`),
    ofSameOwner('webhook_deliveries_application', [t.organisationId, t.applicationId], () => [applications.organisationId, applications.id]),
    oneOf('webhook_deliveries_provider', t.provider, webhookProviders),
  ],
)
