import { and, eq, isNull, lt, sql } from 'drizzle-orm'
import { type BuildTurn, turnOf } from '../domain/builds.ts'
import type { EnvironmentId, OperationId, ServiceId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { lockService } from './services.ts'
import { builds, environments, operations } from './schema/index.ts'

/** A build that wants its turn; `slots`: how many its builder works on at once. */
interface WaitingBuild {
  operationId: OperationId
  builderServiceId: ServiceId
  slots: number
}

/**
 * Joins the queue of a builder, or finds its place there again, and tells whether it is this build's turn: first come, first served.
 * Who has its turn keeps it until it leaves; builds whose operation has ended do not count any more, however that ended.
 */
export async function takeTurn(tx: Database, { operationId, builderServiceId, slots }: WaitingBuild): Promise<BuildTurn> {
  await lockService(tx, builderServiceId)
  await tx.insert(builds).values({ operationId, builderServiceId }).onConflictDoNothing()
  const own = sql`(select own.sequence from builds own where own.operation_id = ${operationId})`
  const [row] = await tx
    .select({ before: sql<number>`count(*)::int` })
    .from(builds)
    .innerJoin(operations, eq(operations.id, builds.operationId))
    .where(and(eq(builds.builderServiceId, builderServiceId), lt(builds.sequence, own), isNull(operations.finishedAt)))
  return turnOf(row?.before ?? 0, slots)
}

/** Leaves the queue; fine when it is not in it. */
export async function leaveQueue(db: Database, operationId: OperationId): Promise<void> {
  await db.delete(builds).where(eq(builds.operationId, operationId))
}

/** A build in the queue of a builder, as people see it. */
export interface QueuedBuild {
  operationId: OperationId
  environmentId: EnvironmentId
  environment: string
  since: Date
}

/** What a builder works on and what waits for it, in the order of their turns. */
export async function queueOf(db: Database, builderServiceId: ServiceId): Promise<QueuedBuild[]> {
  return db
    .select({ operationId: builds.operationId, environmentId: environments.id, environment: environments.name, since: builds.createdAt })
    .from(builds)
    .innerJoin(operations, eq(operations.id, builds.operationId))
    .innerJoin(environments, eq(environments.id, operations.targetId))
    .where(and(eq(builds.builderServiceId, builderServiceId), isNull(operations.finishedAt)))
    .orderBy(builds.sequence)
}
