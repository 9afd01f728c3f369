import { and, eq, sql } from 'drizzle-orm'
import type { OperationId } from '../../domain/ids.ts'
import type { Database } from '../connect.ts'
import { operations } from '../schema/index.ts'
import { notifyOperation } from './notify.ts'
import type { Operation } from './request.ts'

/**
 * The workflow's first act: `pending → running` with its run id, or the finding that this very run did so already.
 * Null means that the operation is somebody else's or has ended: the workflow must do nothing (design section 4).
 */
export async function beginOperation(db: Database, id: OperationId, runId: string): Promise<Operation | null> {
  const [begun] = await db
    .update(operations)
    .set({ status: 'running', workflowRunId: runId, startedAt: sql`coalesce(${operations.startedAt}, now())` })
    .where(and(eq(operations.id, id), eq(operations.status, 'pending')))
    .returning()
  if (begun) {
    await notifyOperation(db, begun.rootId)
    return begun
  }
  const [mine] = await db
    .select()
    .from(operations)
    .where(and(eq(operations.id, id), eq(operations.status, 'running'), eq(operations.workflowRunId, runId)))
  return mine ?? null
}

/** One operation by id; throws when there is none, since ids inside the engine come from the database. */
export async function operationById(db: Database, id: OperationId): Promise<Operation> {
  const [found] = await db.select().from(operations).where(eq(operations.id, id))
  if (!found) throw new Error(`operation ${id} does not exist`)
  return found
}

/** Recovery has taken the operation over, or it has ended: whoever still works for it must stop. */
export class OperationEnded extends Error {
  override readonly name = 'OperationEnded'
}

/** Keeps an operation's root running until the transaction ends: recovery cannot slip in between. Throws OperationEnded. */
export async function holdRunning(tx: Database, id: OperationId): Promise<Operation> {
  return hold(tx, id, 'share')
}

/** The same for the transaction that commits an operation: nobody can wish to cancel meanwhile. Throws OperationEnded. */
export async function holdForCommit(tx: Database, id: OperationId): Promise<Operation> {
  return hold(tx, id, 'update')
}

async function hold(tx: Database, id: OperationId, strength: 'share' | 'update'): Promise<Operation> {
  const { rootId } = await operationById(tx, id)
  const [root] = await tx.select().from(operations).where(eq(operations.id, rootId)).for(strength)
  if (root?.status !== 'running') throw new OperationEnded(`operation ${rootId} is ${root?.status ?? 'gone'}`)
  return root
}
