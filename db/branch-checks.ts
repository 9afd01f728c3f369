import { and, eq, exists, gt, inArray, isNotNull, isNull, ne, or, sql } from 'drizzle-orm'
import type { ApplicationId, EnvironmentId, OrganisationId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import type { Environment } from './environments.ts'
import { applications, environments, operations, webhookDeliveries } from './schema/index.ts'

/** A repository of an organisation; its applications may have several environments. */
export interface Repository {
  organisationId: OrganisationId
  repositoryUrl: string
}

/** Environments that are deployed on pushes, and that want to be told of those that got lost. */
const isChecked = and(
  isNotNull(environments.branchCheckMinutes),
  eq(environments.deployOnPush, true),
  inArray(environments.status, ['new', 'active']),
  ne(environments.buildStrategy, 'external_registry'),
)

/** The Schedule does not come to the second: an environment whose time comes before the next round has its turn now. */
const isDue = or(
  isNull(environments.branchCheckedAt),
  sql`${environments.branchCheckedAt} < now() - make_interval(mins => ${environments.branchCheckMinutes}) + interval '30 seconds'`,
)

/** Repositories of which an environment is due. */
export async function repositoriesToCheck(db: Database): Promise<Repository[]> {
  return db
    .selectDistinct({ organisationId: applications.organisationId, repositoryUrl: applications.repositoryUrl })
    .from(environments)
    .innerJoin(applications, eq(applications.id, environments.applicationId))
    .where(and(isChecked, isDue))
}

/** An environment with what opens its repository. */
export interface CheckedEnvironment {
  id: EnvironmentId
  application: Repository & { id: ApplicationId; name: string }
}

/** All environments of a repository that are looked up, due or not; those first whose application has a deploy key that was seen to open it. */
export async function environmentsToCheck(db: Database, { organisationId, repositoryUrl }: Repository): Promise<CheckedEnvironment[]> {
  const { id, name } = applications
  const application = { id, name, organisationId: applications.organisationId, repositoryUrl: applications.repositoryUrl }
  return db
    .select({ id: environments.id, application })
    .from(environments)
    .innerJoin(applications, eq(id, environments.applicationId))
    .where(and(isChecked, eq(applications.organisationId, organisationId), eq(applications.repositoryUrl, repositoryUrl)))
    .orderBy(isNull(applications.deployKeyInstalledAt), environments.id)
}

/** Takes the row of an environment until the transaction ends; null where it is not looked up any more. */
export async function takeEnvironmentToCheck(tx: Database, id: EnvironmentId): Promise<Environment | null> {
  const [found] = await tx.select().from(environments).where(and(eq(environments.id, id), isChecked)).for('update')
  return found ?? null
}

/** What the branch of an environment is at, at this moment. */
export async function recordBranchHead(tx: Database, id: EnvironmentId, head: string): Promise<void> {
  await tx.update(environments).set({ branchHead: head, branchCheckedAt: sql`now()` }).where(eq(environments.id, id))
}

/** Whether, since the branch was looked up last, a delivery has told of this head or a deployment has taken it; the environment is as it was before this look. */
export async function isMoveKnown(tx: Database, { id, applicationId, branch, branchCheckedAt }: Environment, head: string): Promise<boolean> {
  const { after, ref, receivedAt } = webhookDeliveries
  const isTold = and(eq(webhookDeliveries.applicationId, applicationId), eq(ref, `refs/heads/${branch}`), eq(after, head))
  const isTaken = and(eq(operations.targetType, 'environment'), eq(operations.targetId, id), sql`${operations.input} ->> 'commit' = ${head}`)
  const isTakenThere = and(isTaken, eq(operations.kind, 'environment_deploy'))
  const told = tx.select({ id: webhookDeliveries.id }).from(webhookDeliveries).where(and(isTold, branchCheckedAt ? gt(receivedAt, branchCheckedAt) : undefined))
  const taken = tx.select({ id: operations.id }).from(operations).where(and(isTakenThere, branchCheckedAt ? gt(operations.createdAt, branchCheckedAt) : undefined))
  const [known] = await tx.select({ id: environments.id }).from(environments).where(and(eq(environments.id, id), or(exists(told), exists(taken))))
  return known !== undefined
}
