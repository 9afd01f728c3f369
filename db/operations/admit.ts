import { sql } from 'drizzle-orm'
import type { OperationId } from '../../domain/ids.ts'
import type { Database } from '../connect.ts'

/**
 * Lets the transactions that queue, finish or cancel operations run one after the other. Taken before an operation gets its
 * number, so that numbers become visible in their order, and before any row of one is held, so that no two wait crosswise.
 */
export async function lockAdmission(tx: Database): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtext('keystone.admission'))`)
}

/**
 * Moves every queued operation that nothing earlier is in the way of to `pending`; first in, first out. The one admission
 * function: it runs under `lockAdmission`, in the transaction that queues or finishes an operation. Answers with those that it has moved.
 */
export async function admit(tx: Database): Promise<OperationId[]> {
  const admitted = await tx.execute<{ id: OperationId }>(sql`
    with admitted as (
      update operations candidate set status = 'pending', updated_at = now()
      where candidate.status = 'queued'
        and not exists (
          select from operations earlier
          join operation_locks theirs on theirs.operation_id = earlier.id
          join operation_locks ours on ours.key = theirs.key and ours.operation_id = candidate.id
          where earlier.status in ('queued', 'pending', 'running', 'recovering')
            and earlier.sequence < candidate.sequence
            and (ours.mode = 'exclusive' or theirs.mode = 'exclusive')
        )
      returning candidate.id
    )
    select id, pg_notify('keystone_pending', '') from admitted`)
  return admitted.map(({ id }) => id)
}
