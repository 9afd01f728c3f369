import { and, eq, inArray, isNull, ne, sql } from 'drizzle-orm'
import type { OperationId } from '../../domain/ids.ts'
import type { EndedStatus, Failure, OperationStatus } from '../../domain/operations.ts'
import { readWarning, type StoredWarning } from '../../domain/warnings.ts'
import type { Database } from '../connect.ts'
import { operations, operationSteps, releases } from '../schema/index.ts'
import { admit, lockAdmission } from './admit.ts'
import { notifyOperation } from './notify.ts'

/** How an operation ends; `failure` is there where it failed. */
export interface Ending {
  status: EndedStatus
  /** What came of it in one word for people and scripts, e.g. `deployed`, `unchanged`. */
  outcome?: string
  failure?: Failure
}

const unfinished = ['queued', 'pending', 'running', 'recovering'] as const

/**
 * Ends an operation, whatever of its tree has not ended yet, and admits what waited for it: one transaction. False where it is
 * in none of the states `from`: it has ended, or it is recovering and only its recovery may end it.
 */
export async function finishOperation(
  db: Database,
  id: OperationId,
  ending: Ending,
  from: readonly OperationStatus[] = ['queued', 'pending', 'running'],
): Promise<boolean> {
  return db.transaction(async (tx) => {
    await lockAdmission(tx)
    const [ended] = await tx
      .update(operations)
      .set({ ...ending, finishedAt: sql`now()` })
      .where(and(eq(operations.id, id), inArray(operations.status, [...from])))
      .returning({ rootId: operations.rootId, parentId: operations.parentId })
    if (!ended) return false
    if (ended.parentId === null) {
      await endDescendants(tx, id, ending)
      if (ending.status !== 'succeeded') await failRelease(tx, id)
      await admit(tx)
    }
    await notifyOperation(tx, ended.rootId)
    return true
  })
}

/** Children that never ran or were cut off end as their root does; where that has failed, they are cancelled. */
async function endDescendants(tx: Database, rootId: OperationId, ending: Ending): Promise<void> {
  const status = ending.status === 'failed' ? 'cancelled' : ending.status
  await tx
    .update(operations)
    .set({ status, finishedAt: sql`now()` })
    .where(and(eq(operations.rootId, rootId), ne(operations.id, rootId), inArray(operations.status, [...unfinished])))
  const tree = tx.select({ id: operations.id }).from(operations).where(eq(operations.rootId, rootId))
  await tx
    .update(operationSteps)
    .set({ status: 'cancelled', finishedAt: sql`now()` })
    .where(
      and(
        inArray(operationSteps.operationId, tree),
        eq(operationSteps.status, 'running'),
        isNull(operationSteps.finishedAt),
      ),
    )
}

/** A release ends as its operation does, however that ends; one that is live stays so. */
async function failRelease(tx: Database, id: OperationId): Promise<void> {
  await tx
    .update(releases)
    .set({ status: 'failed' })
    .where(and(eq(releases.operationId, id), inArray(releases.status, ['preparing', 'in_progress'])))
}

/** Adds a warning to an operation that goes on or went well; the same words are kept once. */
export async function warn(db: Database, id: OperationId, warning: StoredWarning): Promise<void> {
  const { message } = readWarning(warning)
  const said = sql`exists (select from jsonb_array_elements(${operations.warnings}) said where said = to_jsonb(${message}::text) or said ->> 'message' = ${message})`
  await db
    .update(operations)
    .set({ warnings: sql`${operations.warnings} || jsonb_build_array(${JSON.stringify(warning)}::jsonb)` })
    .where(and(eq(operations.id, id), sql`not ${said}`))
}
