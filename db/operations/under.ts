import { inArray, sql } from 'drizzle-orm'
import type { OperationId } from '../../domain/ids.ts'
import type { Failure, OperationStatus } from '../../domain/operations.ts'
import type { Database } from '../connect.ts'
import { derivedHash } from '../ids.ts'
import { operationLocks, operations } from '../schema/index.ts'
import { lockAdmission } from './admit.ts'
import { notifyOperation } from './notify.ts'
import type { OperationRequest } from './request.ts'

/**
 * Requests an operation of its own that another one waits for, which holds all that it needs: it is not queued behind those who wait
 * for that one. Its own locks are stored, for it may have to be brought in line later. The id is derived, so that a repetition finds it.
 */
export async function requestUnder(tx: Database, id: OperationId, { locks, input = {}, ...columns }: OperationRequest): Promise<void> {
  await lockAdmission(tx)
  const row = { ...columns, id, rootId: id, hash: derivedHash(id), status: 'pending' as const, input }
  const made = await tx.insert(operations).values(row).onConflictDoNothing({ target: operations.id }).returning({ id: operations.id })
  if (made.length === 0) return
  if (locks.length > 0) await tx.insert(operationLocks).values(locks.map((lock) => ({ operationId: id, ...lock })))
  await tx.execute(sql`select pg_notify('keystone_pending', '')`)
  await notifyOperation(tx, id)
}

/** How operations have come along. */
export interface OperationState {
  id: OperationId
  summary: string
  status: OperationStatus
  failure: Failure | null
}

export async function operationStates(db: Database, ids: readonly OperationId[]): Promise<OperationState[]> {
  const { id, summary, status, failure } = operations
  return db.select({ id, summary, status, failure }).from(operations).where(inArray(id, [...ids]))
}
