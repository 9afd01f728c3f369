import { eq } from 'drizzle-orm'
import type { OperationId } from '../../domain/ids.ts'
import type { OperationKind, TargetType } from '../../domain/operations.ts'
import type { EnvironmentDeployPlan } from '../../domain/deploy-plan.ts'
import type { Database } from '../connect.ts'
import { derivedHash } from '../ids.ts'
import { operations } from '../schema/index.ts'
import type { Operation } from './request.ts'

/** An operation that is started by another one's workflow. */
export interface ChildOperation {
  /** Derived from parent, kind and target (`childId`), so that a repetition inserts nothing. */
  id: OperationId
  parentId: OperationId
  kind: OperationKind
  targetType: TargetType
  targetId: string
  summary: string
}

/** Stores the children that a plan brings with it; they run under their root's locks. */
export async function insertChildren(db: Database, root: Operation, children: readonly ChildOperation[]): Promise<void> {
  if (children.length === 0) return
  const { organisationId, rootId } = root
  const shared = { organisationId, rootId, trigger: { by: 'operation', actor: root.id }, status: 'pending' } as const
  const rows = children.map((child) => ({ ...child, ...shared, hash: derivedHash(child.id) }))
  await db.insert(operations).values(rows).onConflictDoNothing({ target: operations.id })
}

/** Stores what a deploy will do; the stored plan is what is executed. */
export async function storePlan(db: Database, id: OperationId, plan: EnvironmentDeployPlan): Promise<void> {
  await db.update(operations).set({ plan }).where(eq(operations.id, id))
}

/** Every operation of a tree. */
export async function operationTree(db: Database, rootId: OperationId): Promise<Operation[]> {
  return db.select().from(operations).where(eq(operations.rootId, rootId))
}
