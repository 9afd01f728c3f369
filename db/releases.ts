import { and, eq, inArray, sql } from 'drizzle-orm'
import { openCredentials, sealCredentials } from '../domain/credentials.ts'
import type { ArtifactId, EnvironmentId, OperationId, ReleaseId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import type { Trigger } from '../domain/operations.ts'
import type { ReleasedService } from '../domain/releases.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { applications, buildArtifacts, environments, releases } from './schema/index.ts'

/** An environment with its application, and the artifact and the versions of variables of its current release, null before the first one. */
export async function environmentToDeploy(db: Database, id: EnvironmentId) {
  const [row] = await db
    .select({ environment: environments, application: applications, currentArtifact: buildArtifacts, currentVariables: releases.variableVersions })
    .from(environments)
    .innerJoin(applications, eq(applications.id, environments.applicationId))
    .leftJoin(releases, eq(releases.id, environments.currentReleaseId))
    .leftJoin(buildArtifacts, eq(buildArtifacts.id, releases.artifactId))
    .where(eq(environments.id, id))
  if (!row) throw new Error(`environment ${id} does not exist`)
  return row
}
/** An environment as a deploy finds it. */
export type DeployedEnvironment = Awaited<ReturnType<typeof environmentToDeploy>>

/** The live release of an environment, null before the first one, and how people call the environment. */
export async function liveRelease(db: Database, id: EnvironmentId) {
  const [row] = await db
    .select({ environmentName: environments.name, release: releases })
    .from(environments)
    .leftJoin(releases, eq(releases.id, environments.currentReleaseId))
    .where(eq(environments.id, id))
  if (!row) throw new Error(`environment ${id} does not exist`)
  return row
}

/** The user's variables as a release has them: their values, and which of the values each of them had that is. */
export interface PinnedVariables {
  values: Readonly<Record<string, Secret>>
  versions: Readonly<Record<string, number>>
}

/** A version that is about to be rolled out; a rollback names the release that it brings back, and its artifact. */
export interface NewRelease {
  environmentId: EnvironmentId
  operationId: OperationId
  commitSha: string | null
  artifactId?: ArtifactId
  rolledBackToId?: ReleaseId
  variables: PinnedVariables
  trigger: Trigger
}

/** Stores a release as `preparing`, under the environment's next number; a repetition finds it there. */
export async function insertRelease(tx: Database, keyring: Keyring, { variables, ...release }: NewRelease): Promise<void> {
  const id = newId<ReleaseId>()
  await tx
    .insert(releases)
    .values({
      ...release,
      id,
      status: 'preparing',
      variableVersions: variables.versions,
      variables: sealCredentials(keyring, variables.values, sealedPlaces.releaseVariables(id)),
      number: sql`(select coalesce(max(number), 0) + 1 from releases where environment_id = ${release.environmentId})`,
    })
    .onConflictDoNothing({ target: releases.operationId })
}

/** The operation's release has its image and is rolled out from now on. */
export async function beginRollout(db: Database, operationId: OperationId, artifactId: ArtifactId): Promise<void> {
  await db
    .update(releases)
    .set({ status: 'in_progress', artifactId })
    .where(and(eq(releases.operationId, operationId), eq(releases.status, 'preparing')))
}

/**
 * Makes the operation's release the environment's live one. The one before becomes obsolete; where this one is a rollback, all
 * that were live since its target become downgraded. The caller's transaction is the commit point.
 */
export async function publishRelease(
  tx: Database,
  operationId: OperationId,
  services: Record<string, ReleasedService>,
): Promise<void> {
  const release = await releaseOfOperation(tx, operationId)
  if (!release) throw new Error(`operation ${operationId} has no release`)
  const { id, environmentId, rolledBackToId } = release
  if (rolledBackToId) await downgradeSince(tx, environmentId, rolledBackToId)
  await tx
    .update(releases)
    .set({ status: 'obsolete' })
    .where(and(eq(releases.environmentId, environmentId), eq(releases.status, 'successful')))
  await tx.update(releases).set({ status: 'successful', services }).where(eq(releases.id, id))
  await tx.update(environments).set({ currentReleaseId: id, status: 'active' }).where(eq(environments.id, environmentId))
}

/** What an earlier rollback had brought back counts as the release that it brought back. */
async function downgradeSince(tx: Database, environmentId: EnvironmentId, targetId: ReleaseId): Promise<void> {
  const broughtBack = sql`(select original.number from releases original where original.id = ${sourceOf})`
  await tx
    .update(releases)
    .set({ status: 'downgraded' })
    .where(
      and(
        eq(releases.environmentId, environmentId),
        inArray(releases.status, ['successful', 'obsolete']),
        sql`${broughtBack} > (select target.number from releases target where target.id = ${targetId})`,
      ),
    )
}

/** The release that was built: a rollback runs that of another one. */
export const sourceOf = sql<ReleaseId>`coalesce(${releases.rolledBackToId}, ${releases.id})`

/** The release that an operation makes, its variables sealed; null for operations that make none. */
async function releaseOfOperation(db: Database, operationId: OperationId) {
  const [row] = await db.select().from(releases).where(eq(releases.operationId, operationId))
  return row ?? null
}

/** The release that an operation's plan has the variables of, where it made none. */
async function releaseOfPlan(db: Database, operationId: OperationId) {
  const isPlanned = sql`${releases.id}::text = (select plan ->> 'releaseId' from operations where operations.id = ${operationId})`
  const [row] = await db.select().from(releases).where(isPlanned)
  return row ?? null
}

/** The user variables that an operation's replicas are rendered with; null where today's count, or those of a pruned release. */
export async function releasedVariables(
  db: Database,
  keyring: Keyring,
  operationId: OperationId,
): Promise<PinnedVariables['values'] | null> {
  const release = (await releaseOfOperation(db, operationId)) ?? (await releaseOfPlan(db, operationId))
  return release?.variables ? openCredentials(keyring, release.variables, sealedPlaces.releaseVariables(release.id)) : null
}
