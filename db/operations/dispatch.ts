import { and, eq, inArray, isNull, lt, or, sql } from 'drizzle-orm'
import type { OperationId } from '../../domain/ids.ts'
import { type OperationKind, workflowId } from '../../domain/operations.ts'
import type { Database } from '../connect.ts'
import { operations } from '../schema/index.ts'
import { finishOperation } from './finish.ts'
import type { Operation } from './request.ts'

/**
 * Takes up to `limit` pending root operations for starting, marked so that other dispatchers leave them alone for 30 s.
 * A pending row may be started any time, a running one never again.
 */
export async function takePending(db: Database, limit = 20): Promise<Operation[]> {
  return db.transaction(async (tx) => {
    const rows = await tx
      .select({ id: operations.id })
      .from(operations)
      .where(
        and(
          eq(operations.status, 'pending'),
          isNull(operations.parentId),
          or(isNull(operations.dispatchedAt), lt(operations.dispatchedAt, sql`now() - interval '30 seconds'`)),
        ),
      )
      .orderBy(operations.sequence)
      .limit(limit)
      .for('update', { skipLocked: true })
    if (rows.length === 0) return []
    return tx
      .update(operations)
      .set({ dispatchedAt: sql`now()` })
      .where(inArray(operations.id, rows.map((row) => row.id)))
      .returning()
  })
}

/** The start did not reach Temporal: the row may be taken again at once. */
export async function putBack(db: Database, id: OperationId): Promise<void> {
  await db.update(operations).set({ dispatchedAt: null }).where(and(eq(operations.id, id), eq(operations.status, 'pending')))
}

/** Root operations that say running since 5 s or more; their workflows must be alive, or they are lost. */
export async function runningRoots(db: Database): Promise<{ id: OperationId; kind: OperationKind; workflowId: string }[]> {
  const rows = await db
    .select({ id: operations.id, kind: operations.kind })
    .from(operations)
    .where(
      and(
        eq(operations.status, 'running'),
        isNull(operations.parentId),
        lt(operations.updatedAt, sql`now() - interval '5 seconds'`),
      ),
    )
  return rows.map((row) => ({ ...row, workflowId: workflowId(row.kind, row.id) }))
}

/** A workflow was started for this pending operation and ended before it began anything. */
export async function failUnbegun(db: Database, id: OperationId): Promise<void> {
  const message = 'The workflow was ended before it had begun; nothing was changed.'
  const failure = { code: 'workflow_lost', message, hint: 'Start the operation again.' }
  await finishOperation(db, id, { status: 'failed', failure }, ['pending'])
}
