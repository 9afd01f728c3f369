import { and, eq, sql } from 'drizzle-orm'
import type { EnvironmentId, OperationId } from '../domain/ids.ts'
import type { Lock, Trigger } from '../domain/operations.ts'
import { type Condition, either, type PushedVersion } from '../domain/pushes.ts'
import type { Database } from './connect.ts'
import type { Environment } from './environments.ts'
import { locksOfEnvironment } from './operation-locks.ts'
import { lockAdmission } from './operations/admit.ts'
import { type Operation, queueOperation } from './operations/request.ts'
import { operations } from './schema/index.ts'

/** A deployment that nobody asked for by name. */
export interface PushDeploy {
  environment: Environment
  applicationName: string
  version: PushedVersion
  trigger: Trigger & { by: 'webhook' | 'schedule' }
}

/** Requests one deployment that a push has caused. */
export async function requestPushDeploy(tx: Database, deploy: PushDeploy): Promise<Operation> {
  const locks = await locksOfEnvironment(tx, deploy.environment.id)
  await lockAdmission(tx)
  return queuePushDeploy(tx, deploy, locks)
}

/** The same for several environments. What they lock is looked up before others have to wait. */
export async function requestPushDeploys(tx: Database, deploys: readonly PushDeploy[]): Promise<Map<EnvironmentId, OperationId>> {
  const requested = new Map<EnvironmentId, OperationId>()
  const locked: { deploy: PushDeploy; locks: Lock[] }[] = []
  for (const deploy of deploys) locked.push({ deploy, locks: await locksOfEnvironment(tx, deploy.environment.id) })
  if (locked.length > 0) await lockAdmission(tx)
  for (const { deploy, locks } of locked) requested.set(deploy.environment.id, (await queuePushDeploy(tx, deploy, locks)).id)
  return requested
}

/**
 * One of that kind that waits for the same environment is superseded: what it was to bring comes with this one, and so does its reason
 * (design section 4).
 */
async function queuePushDeploy(tx: Database, { environment, applicationName, version, trigger }: PushDeploy, locks: readonly Lock[]): Promise<Operation> {
  const { id, organisationId, name, branch } = environment
  const superseded = await supersedeQueued(tx, id)
  const isTag = 'tag' in version
  const condition = isTag ? null : superseded.reduce(either, version.condition)
  return queueOperation(tx, {
    ...{ organisationId, kind: 'environment_deploy', targetType: 'environment', targetId: id, trigger, locks },
    summary: `deploy ${name} of ${applicationName} @ ${isTag ? version.tag : branch}`,
    input: isTag ? { ...version } : { branch, ...(condition ? { condition } : {}) },
  })
}

/** Ends the deployments that pushes have caused and that still wait. Answers with the conditions under which they were wanted. */
async function supersedeQueued(tx: Database, environmentId: EnvironmentId): Promise<(Condition | null)[]> {
  const isOfPush = sql`${operations.trigger} ->> 'by' in ('webhook', 'schedule')`
  const rows = await tx
    .update(operations)
    .set({ status: 'superseded', finishedAt: sql`now()` })
    .where(
      and(eq(operations.status, 'queued'), eq(operations.targetId, environmentId), eq(operations.kind, 'environment_deploy'), isOfPush),
    )
    .returning({ condition: sql<Condition | null>`${operations.input} -> 'condition'`, told: sql`pg_notify('keystone_operation', ${operations.rootId}::text)` })
  return rows.map(({ condition }) => condition)
}

/** The head that a deployment takes, where none was stored before. Answers with the one that counts. */
export async function recordHead(db: Database, { id, summary }: Pick<Operation, 'id' | 'summary'>, head: string): Promise<string> {
  const named = `${summary.slice(0, summary.lastIndexOf(' @ '))} @ ${head.slice(0, 7)}`
  await db
    .update(operations)
    .set({ summary: named, input: sql`${operations.input} || jsonb_build_object('commit', ${head}::text)` })
    .where(and(eq(operations.id, id), sql`${operations.input} ->> 'commit' is null`))
  const [stored] = await db.select({ commit: sql<string>`${operations.input} ->> 'commit'` }).from(operations).where(eq(operations.id, id))
  if (!stored) throw new Error(`operation ${id} does not exist`)
  return stored.commit
}
