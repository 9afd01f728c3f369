import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  customType,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import type { EnvironmentDeployPlan } from '../../domain/deploy-plan.ts'
import type { OperationId, ServerId } from '../../domain/ids.ts'
import {
  type Failure,
  operationKinds,
  operationStatuses,
  stepStatuses,
  targetTypes,
  type Trigger,
} from '../../domain/operations.ts'
import type { StoredWarning } from '../../domain/warnings.ts'
import { organisationId } from './access.ts'
import { id, moment, ofSameOwner, oneOf, sealed, timestamps } from './columns.ts'
import { servers } from './servers.ts'

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const operation = (name: string) => uuid(name).$type<OperationId>()
const streams = ['out', 'err'] as const
const stepUsers = ['keystone', 'root'] as const

/** Every state change (specification section 3). A root operation holds locks; its children run under them. */
export const operations = pgTable(
  'operations',
  {
    id: id<OperationId>(),
    organisationId: organisationId(),
    parentId: operation('parent_id'),
    rootId: operation('root_id').notNull(),
    hash: text('hash').notNull().unique(),
    kind: text('kind', { enum: operationKinds }).notNull(),
    targetType: text('target_type', { enum: targetTypes }).notNull(),
    targetId: uuid('target_id').notNull(),
    status: text('status', { enum: operationStatuses }).notNull(),
    /** The queue: first in, first out. */
    sequence: bigint('sequence', { mode: 'number' }).generatedAlwaysAsIdentity(),
    retryOf: operation('retry_of'),
    summary: text('summary').notNull(),
    trigger: jsonb('trigger').$type<Trigger>().notNull(),
    input: jsonb('input').$type<Record<string, unknown>>().notNull().default({}),
    plan: jsonb('plan').$type<EnvironmentDeployPlan>(),
    outcome: text('outcome'),
    warnings: jsonb('warnings').$type<StoredWarning[]>().notNull().default([]),
    failure: jsonb('failure').$type<Failure>(),
    workflowRunId: text('workflow_run_id'),
    dispatchedAt: moment('dispatched_at'),
    committedAt: moment('committed_at'),
    /** It has ended, and what it had begun could not be taken back whole: it is recovered once its servers answer again. */
    needsConvergence: boolean('needs_convergence').notNull().default(false),
    cancelRequestedAt: moment('cancel_requested_at'),
    cancelDeliveredAt: moment('cancel_delivered_at'),
    startedAt: moment('started_at'),
    finishedAt: moment('finished_at'),
    ...timestamps,
  },
  (t) => [
    index('operations_parent').on(t.parentId),
    index('operations_listed').on(t.organisationId, t.sequence).where(sql`${t.parentId} is null`),
    index('operations_root').on(t.rootId),
    index('operations_target').on(t.targetType, t.targetId, t.id),
    index('operations_waiting').on(t.sequence).where(sql`${t.status} in ('queued', 'pending', 'running', 'recovering')`),
    index('operations_unconverged').on(t.id).where(sql`${t.needsConvergence}`),
    uniqueIndex('operations_one_recovery').on(t.targetId).where(sql`${t.kind} = 'operation_recover' and ${t.finishedAt} is null`),
    unique('operations_in_organisation').on(t.organisationId, t.id),
    ofSameOwner('operations_parent', [t.organisationId, t.parentId], () => [t.organisationId, t.id]),
    ofSameOwner('operations_root', [t.organisationId, t.rootId], () => [t.organisationId, t.id]),
    ofSameOwner('operations_retry', [t.organisationId, t.retryOf], () => [t.organisationId, t.id]),
    check('operations_hash', sql`${t.hash} ~ '^[0-9a-f]{12}$'`),
    check(
      'operations_finished',
      sql`(${t.status} in ('succeeded', 'failed', 'cancelled', 'superseded')) = (${t.finishedAt} is not null)`,
    ),
    check('operations_failed_says_why', sql`${t.status} <> 'failed' or ${t.failure} is not null`),
    oneOf('operations_kind', t.kind, operationKinds),
    oneOf('operations_status', t.status, operationStatuses),
    oneOf('operations_target_type', t.targetType, targetTypes),
  ],
)

export const operationLocks = pgTable(
  'operation_locks',
  {
    operationId: operation('operation_id').notNull().references(() => operations.id),
    key: text('key').notNull(),
    mode: text('mode', { enum: ['shared', 'exclusive'] }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.operationId, t.key] }),
    index('operation_locks_key').on(t.key),
    oneOf('operation_locks_mode', t.mode, ['shared', 'exclusive']),
  ],
)

export const operationSteps = pgTable(
  'operation_steps',
  {
    id: id<string>(),
    operationId: operation('operation_id').notNull().references(() => operations.id),
    order: integer('order').notNull(),
    name: text('name').notNull(),
    serverId: uuid('server_id').$type<ServerId>().references(() => servers.id),
    status: text('status', { enum: stepStatuses }).notNull(),
    script: text('script').notNull(),
    secrets: sealed('secrets'),
    /** Whose unit it is on the server. */
    user: text('user', { enum: stepUsers }).notNull().default('keystone'),
    run: integer('run').notNull().default(1),
    exitCode: integer('exit_code'),
    startedAt: moment('started_at').notNull().defaultNow(),
    finishedAt: moment('finished_at'),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('operation_steps_order').on(t.operationId, t.order),
    oneOf('operation_steps_status', t.status, stepStatuses),
    oneOf('operation_steps_user', t.user, stepUsers),
  ],
)

/**
 * `logs` and `error_logs` of a step: redacted bytes keyed by the raw range they stand for, so that overlapping readers store each
 * byte once.
 */
export const operationLogChunks = pgTable(
  'operation_log_chunks',
  {
    stepId: uuid('step_id').notNull().references(() => operationSteps.id),
    run: integer('run').notNull(),
    stream: text('stream', { enum: streams }).notNull(),
    rawOffset: bigint('raw_offset', { mode: 'number' }).notNull(),
    rawLength: integer('raw_length').notNull(),
    bytes: bytea('bytes').notNull(),
    /** Order of arrival over all streams: the cursor of log readers. */
    sequence: bigint('sequence', { mode: 'number' }).generatedAlwaysAsIdentity(),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.stepId, t.run, t.stream, t.rawOffset] }),
    index('operation_log_chunks_sequence').on(t.sequence),
    check('operation_log_chunks_range', sql`${t.rawOffset} >= 0 and ${t.rawLength} > 0`),
    oneOf('operation_log_chunks_stream', t.stream, streams),
  ],
)
