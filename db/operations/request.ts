import type { OperationId, OrganisationId } from '../../domain/ids.ts'
import type { Lock, OperationKind, TargetType, Trigger } from '../../domain/operations.ts'
import type { Database } from '../connect.ts'
import { newHash, newId } from '../ids.ts'
import { operationLocks, operations } from '../schema/index.ts'
import { admit, lockAdmission } from './admit.ts'
import { notifyOperation } from './notify.ts'

/** What an operation is to do, for whom and on whose wish; `locks` are what it holds while it runs (`domain/locks.ts`). */
export interface OperationRequest {
  organisationId: OrganisationId
  kind: OperationKind
  targetType: TargetType
  targetId: string
  /** One line for people, e.g. `deploy production of shop`. */
  summary: string
  trigger: Trigger
  locks: readonly Lock[]
  input?: Record<string, unknown>
  retryOf?: OperationId
}

/** An operation as it is stored. */
export type Operation = typeof operations.$inferSelect

/**
 * Records the wish for an operation and admits it at once when nothing is in its way; else it waits in the queue.
 * Call it in the transaction that records the wish itself: a wish that got a 2xx is never lost (design section 4).
 */
export async function requestOperation(tx: Database, request: OperationRequest): Promise<Operation> {
  await lockAdmission(tx)
  return queueOperation(tx, request)
}

/** The same for a transaction that holds `lockAdmission` already. */
export async function queueOperation(tx: Database, { locks, input = {}, ...columns }: OperationRequest): Promise<Operation> {
  const id = newId<OperationId>()
  const [queued] = await tx.insert(operations).values({ ...columns, id, rootId: id, hash: newHash(), status: 'queued', input }).returning()
  if (!queued) throw new Error(`operation ${id} was not stored`)
  if (locks.length > 0) await tx.insert(operationLocks).values(locks.map((lock) => ({ operationId: id, ...lock })))
  const isAdmitted = (await admit(tx)).includes(id)
  await notifyOperation(tx, id)
  return isAdmitted ? { ...queued, status: 'pending' } : queued
}
