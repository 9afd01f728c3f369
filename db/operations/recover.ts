import { and, desc, eq, getTableColumns, lt, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { OperationId } from '../../domain/ids.ts'
import type { Trigger } from '../../domain/operations.ts'
import type { Database } from '../connect.ts'
import { childId, derivedHash } from '../ids.ts'
import { operationLocks, operations } from '../schema/index.ts'
import { lockAdmission } from './admit.ts'
import { finishOperation } from './finish.ts'
import { type Operation, type OperationRequest, requestOperation } from './request.ts'

/**
 * Hands a lost operation to `operation_recover`: it keeps its locks as `recovering`, the recovery works under them. A recovery
 * that is lost itself has failed, and another one takes its place. False where it does not say running any more: it is not lost.
 */
export async function requestRecovery(db: Database, lostId: OperationId, cause: string): Promise<boolean> {
  return db.transaction(async (tx) => {
    await lockAdmission(tx)
    const [lost] = await tx
      .update(operations)
      .set({ status: 'recovering' })
      .where(and(eq(operations.id, lostId), eq(operations.status, 'running')))
      .returning()
    if (!lost) return false
    if (lost.kind === 'operation_recover') await finishOperation(tx, lostId, lostFailure(cause), ['recovering'])
    await insertRecovery(tx, lost, cause)
    return true
  })
}

const lostFailure = (message: string) => ({ status: 'failed' as const, failure: { code: 'workflow_lost', message } })

/** A recovery that ended without ending what it was to recover is repeated a minute later, since that still holds its locks. */
export async function repeatRecoveries(db: Database): Promise<void> {
  const lost = alias(operations, 'lost')
  const latest = db
    .selectDistinctOn([operations.targetId], getTableColumns(operations))
    .from(operations)
    .innerJoin(lost, and(eq(lost.id, operations.targetId), eq(lost.status, 'recovering')))
    .where(eq(operations.kind, 'operation_recover'))
    .orderBy(operations.targetId, desc(operations.sequence))
    .as('latest')
  const ended = await db.select().from(latest).where(lt(latest.finishedAt, sql`now() - interval '1 minute'`))
  for (const recovery of ended) await insertRecovery(db, recovery, `the recovery ${recovery.id} ended without it`)
}

/**
 * Requests the recovery of operations that have ended and could not be taken back whole, every minute anew until it succeeds.
 * Their locks are free by now, so it waits for them like any other operation.
 */
export async function requestConvergence(db: Database): Promise<void> {
  await db.transaction(async (tx) => {
    await lockAdmission(tx)
    const recent = sql`(
      select from operations recovery
      where recovery.kind = 'operation_recover' and recovery.target_id = ${operations.id}
        and (recovery.finished_at is null or recovery.finished_at > now() - interval '1 minute'))`
    const due = await tx
      .select()
      .from(operations)
      .where(
        and(
          eq(operations.needsConvergence, true),
          lt(operations.finishedAt, sql`now() - interval '1 minute'`),
          sql`not exists ${recent}`,
        ),
      )
    for (const operation of due) await requestOperation(tx, await convergenceOf(tx, operation))
  })
}

async function convergenceOf(tx: Database, { id, organisationId, summary }: Operation): Promise<OperationRequest> {
  const locks = await tx
    .select({ key: operationLocks.key, mode: operationLocks.mode })
    .from(operationLocks)
    .where(eq(operationLocks.operationId, id))
  return {
    ...{ organisationId, kind: 'operation_recover', targetType: 'operation', targetId: id, locks },
    summary: `recover: ${summary}`,
    trigger: byDispatcher('it could not be taken back whole'),
  }
}

const byDispatcher = (cause: string): Trigger => ({ by: 'operation', actor: 'dispatcher', cause })

/** The recovery of an operation, or the next one where a recovery has not come to its end. */
async function insertRecovery(db: Database, lost: Operation, cause: string): Promise<void> {
  const { id: lostId, kind, organisationId, targetId, summary } = lost
  const isRecovery = kind === 'operation_recover'
  const id = childId<OperationId>(lostId, 'operation_recover')
  const row = {
    id,
    organisationId,
    rootId: id,
    hash: derivedHash(id),
    kind: 'operation_recover',
    targetType: 'operation',
    targetId: isRecovery ? targetId : lostId,
    status: 'pending',
    summary: isRecovery ? summary : `recover: ${summary}`,
    trigger: byDispatcher(cause),
  } as const
  await db.insert(operations).values(row).onConflictDoNothing()
  await db.execute(sql`select pg_notify('keystone_pending', '')`)
}
