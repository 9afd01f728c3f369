import { and, asc, count, desc, eq, getTableColumns, isNotNull, isNull, lt, notInArray } from 'drizzle-orm'
import type { EnvironmentId, OperationId, OrganisationId } from '../domain/ids.ts'
import { endedStatuses, type OperationKind, type OperationStatus, type TargetType } from '../domain/operations.ts'
import type { Database } from './connect.ts'
import { idOf } from './ids.ts'
import { cutPage, type Page, type PageRequest } from './page.ts'
import type { Operation } from './operations/request.ts'
import { operations, operationSteps, servers } from './schema/index.ts'

/** Which operations are asked for; what is not given is not looked at. */
export interface OperationFilter {
  status?: OperationStatus | undefined
  kind?: OperationKind | undefined
  targetType?: TargetType | undefined
  targetId?: string | undefined
}

/** Root operations of an organisation, newest first: in the order in which they were requested, for some have ids that are derived. */
export async function operationsOf(
  db: Database,
  organisationId: OrganisationId,
  { status, kind, targetType, targetId }: OperationFilter,
  page: PageRequest,
): Promise<Page<Operation>> {
  const rows = await db
    .select()
    .from(operations)
    .where(
      and(
        eq(operations.organisationId, organisationId),
        isNull(operations.parentId),
        status && eq(operations.status, status),
        kind && eq(operations.kind, kind),
        targetType && eq(operations.targetType, targetType),
        targetId ? eq(operations.targetId, targetId) : undefined,
        page.cursor ? lt(operations.sequence, sequenceOf(db, page.cursor)) : undefined,
      ),
    )
    .orderBy(desc(operations.sequence))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

const sequenceOf = (db: Database, id: string) =>
  db.select({ sequence: operations.sequence }).from(operations).where(eq(operations.id, idOf<OperationId>(id)))

/** One operation of the organisation, at any depth; null where it has none of this id. */
export async function operationOf(db: Database, organisationId: OrganisationId, id: OperationId): Promise<Operation | null> {
  const [found] = await db
    .select()
    .from(operations)
    .where(and(eq(operations.organisationId, organisationId), eq(operations.id, id)))
  return found ?? null
}

/** The newest operation of an environment that has come to a plan of it; null where none has. */
export async function latestPlanned(db: Database, environmentId: EnvironmentId): Promise<Operation | null> {
  const [planned] = await db
    .select()
    .from(operations)
    .where(and(eq(operations.targetType, 'environment'), eq(operations.targetId, environmentId), isNull(operations.parentId), isNotNull(operations.plan)))
    .orderBy(desc(operations.sequence))
    .limit(1)
  return planned ?? null
}

/** The operation of this kind on a target that has not ended yet; null where there is none. */
export async function unfinishedOperation(
  db: Database,
  { kind, targetId }: { kind: OperationKind; targetId: string },
): Promise<Operation | null> {
  const isUnfinished = notInArray(operations.status, [...endedStatuses])
  const [found] = await db
    .select()
    .from(operations)
    .where(and(eq(operations.kind, kind), eq(operations.targetId, targetId), isNull(operations.parentId), isUnfinished))
    .orderBy(desc(operations.sequence))
    .limit(1)
  return found ?? null
}

/** How many root operations of all organisations have not ended, by status. */
export async function unfinishedCounts(db: Database): Promise<{ status: OperationStatus; count: number }[]> {
  return db
    .select({ status: operations.status, count: count() })
    .from(operations)
    .where(and(isNull(operations.parentId), notInArray(operations.status, [...endedStatuses])))
    .groupBy(operations.status)
}

const { script, secrets, serverId, ...stepColumns } = getTableColumns(operationSteps)

async function stepsOfTree(db: Database, rootId: OperationId) {
  return db
    .select({ ...stepColumns, server: { id: servers.id, name: servers.name } })
    .from(operationSteps)
    .innerJoin(operations, eq(operations.id, operationSteps.operationId))
    .leftJoin(servers, eq(servers.id, operationSteps.serverId))
    .where(eq(operations.rootId, rootId))
    .orderBy(asc(operationSteps.order))
}

/** A step without its script; `server` is null for work that is done elsewhere. */
export type StepView = Awaited<ReturnType<typeof stepsOfTree>>[number]

/** An operation with its steps and everything below it. */
export interface OperationTree {
  operation: Operation
  steps: StepView[]
  children: OperationTree[]
}

/** An operation with its steps and everything below it, children in the order in which they were made. */
export async function operationTree(db: Database, { id, rootId }: Pick<Operation, 'id' | 'rootId'>): Promise<OperationTree> {
  const all = await db.select().from(operations).where(eq(operations.rootId, rootId)).orderBy(asc(operations.sequence))
  const steps = await stepsOfTree(db, rootId)
  const branch = (operation: Operation): OperationTree => ({
    operation,
    steps: steps.filter((step) => step.operationId === operation.id),
    children: all.filter((child) => child.parentId === operation.id).map(branch),
  })
  const top = all.find((operation) => operation.id === id)
  if (!top) throw new Error(`operation ${id} does not exist`)
  return branch(top)
}
