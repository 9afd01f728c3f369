import { sql } from 'drizzle-orm'
import { boolean, index, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { driftCodes } from '../../domain/drift.ts'
import type { ServerId } from '../../domain/ids.ts'
import type { Measures } from '../../domain/observations.ts'
import { organisationId } from './access.ts'
import { id, moment, ofSameOwner, oneOf } from './columns.ts'
import { servers } from './servers.ts'

/** Looks at a server: the newest, and those of the day before. */
export const serverObservations = pgTable(
  'server_observations',
  {
    serverId: uuid('server_id').$type<ServerId>().notNull().references(() => servers.id),
    /** The run of the Schedule that looked. */
    runId: uuid('run_id').notNull(),
    observedAt: moment('observed_at').notNull(),
    isReachable: boolean('is_reachable').notNull(),
    /** Why it could not be looked at. */
    failure: text('failure'),
    measures: jsonb('measures').$type<Measures>(),
  },
  (t) => [primaryKey({ columns: [t.serverId, t.runId] }), index('server_observations_moment').on(t.serverId, t.observedAt)],
)

/** What servers differ in from what is stored of them. Ids come from labels on the server: what they name need not be there any more. */
export const driftFindings = pgTable(
  'drift_findings',
  {
    id: id<string>(),
    organisationId: organisationId(),
    serverId: uuid('server_id').$type<ServerId>().notNull(),
    code: text('code', { enum: driftCodes }).notNull(),
    subject: text('subject').notNull(),
    environmentId: uuid('environment_id'),
    serviceId: uuid('service_id'),
    replicaId: uuid('replica_id'),
    message: text('message').notNull(),
    hint: text('hint').notNull(),
    expected: text('expected'),
    found: text('found'),
    firstSeenAt: moment('first_seen_at').notNull(),
    lastSeenAt: moment('last_seen_at').notNull(),
    /** When it was seen to be over. */
    resolvedAt: moment('resolved_at'),
  },
  (t) => [
    uniqueIndex('drift_findings_open').on(t.serverId, t.code, t.subject).where(sql`${t.resolvedAt} is null`),
    index('drift_findings_organisation').on(t.organisationId, t.id),
    ofSameOwner('drift_findings_server', [t.organisationId, t.serverId], () => [servers.organisationId, servers.id]),
    oneOf('drift_findings_code', t.code, driftCodes),
  ],
)
