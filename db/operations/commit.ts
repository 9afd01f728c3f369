import { eq, sql } from 'drizzle-orm'
import type { OperationId } from '../../domain/ids.ts'
import type { Database } from '../connect.ts'
import { operations } from '../schema/index.ts'
import { holdForCommit } from './begin.ts'
import { notifyOperation } from './notify.ts'
import type { Operation } from './request.ts'

/** Somebody wished to cancel before the operation was complete. */
export class CancelRequested extends Error {
  override readonly name = 'CancelRequested'
}

/**
 * The commit point of an operation (design section 4): `work` changes what users see, in the transaction that marks the
 * operation committed. A repetition finds it done. Throws CancelRequested and OperationEnded, and changes nothing then.
 */
export async function commitOnce(
  db: Database,
  id: OperationId,
  work: (tx: Database, root: Operation) => Promise<void>,
): Promise<void> {
  await db.transaction(async (tx) => {
    const root = await holdForCommit(tx, id)
    if (root.committedAt) return
    if (root.cancelRequestedAt) throw new CancelRequested('the operation was cancelled before it was complete')
    await work(tx, root)
    await tx.update(operations).set({ committedAt: sql`now()` }).where(eq(operations.id, root.id))
    await notifyOperation(tx, root.id)
  })
}
