import { and, eq, isNull, sql } from 'drizzle-orm'
import type { OperationId } from '../../domain/ids.ts'
import { hasEnded } from '../../domain/operations.ts'
import type { Database } from '../connect.ts'
import { operations } from '../schema/index.ts'
import { lockAdmission } from './admit.ts'
import { operationById } from './begin.ts'
import { finishOperation } from './finish.ts'

/** What came of a wish to cancel; `requested`: the workflow is told of it, and takes the operation back. */
export type CancelAnswer = 'requested' | 'cancelled' | 'already_live' | 'already_ended'

/**
 * A cancel is a wish like any other: it is recorded here and delivered by the dispatcher, so that it survives an outage of
 * Temporal. What was never started is cancelled at once; after the commit point the answer is `already_live`.
 */
export async function requestCancel(db: Database, id: OperationId): Promise<CancelAnswer> {
  return db.transaction(async (tx) => {
    await lockAdmission(tx)
    const { rootId } = await operationById(tx, id)
    const [root] = await tx.select().from(operations).where(eq(operations.id, rootId)).for('update')
    if (!root || hasEnded(root.status)) return 'already_ended'
    if (root.committedAt) return 'already_live'
    if (root.status === 'queued') {
      await finishOperation(tx, rootId, { status: 'cancelled' })
      return 'cancelled'
    }
    await tx
      .update(operations)
      .set({ cancelRequestedAt: sql`coalesce(${operations.cancelRequestedAt}, now())` })
      .where(eq(operations.id, rootId))
    await tx.execute(sql`select pg_notify('keystone_pending', '')`)
    return 'requested'
  })
}

/** Cancels that the workflow has not been told of. */
export async function undeliveredCancels(db: Database) {
  return db
    .select({ id: operations.id, kind: operations.kind })
    .from(operations)
    .where(
      and(
        eq(operations.status, 'running'),
        sql`${operations.cancelRequestedAt} is not null`,
        isNull(operations.cancelDeliveredAt),
        isNull(operations.parentId),
      ),
    )
}

/** The workflow has been told; it is not told again. */
export async function markCancelDelivered(db: Database, id: OperationId): Promise<void> {
  await db.update(operations).set({ cancelDeliveredAt: sql`now()` }).where(eq(operations.id, id))
}
