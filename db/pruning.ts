import { and, desc, eq, inArray, isNotNull, isNull, lt, ne, not, notInArray, or, sql } from 'drizzle-orm'
import type { EnvironmentId, OperationId, ReleaseId, ServerId } from '../domain/ids.ts'
import { oncePublished } from '../domain/releases.ts'
import type { Database } from './connect.ts'
import { sourceOf } from './releases.ts'
import {
  buildArtifacts,
  environments,
  operations,
  operationSteps,
  releases,
  servers,
  servicePlacements,
  serviceReplicas,
  services,
} from './schema/index.ts'

/**
 * The releases that an environment keeps (design section 6): as many as it wants of those that were built, in the order in which
 * they were live last. So the live one is the first, also where it is a rollback, and the one before it the second. Configuration
 * changes among them are kept and not counted, since they have no image of their own: however many there are, they cost nobody
 * the way back to an earlier commit.
 */
async function keptReleases(db: Database, environmentId: EnvironmentId): Promise<ReleaseId[]> {
  const [environment] = await db
    .select({ retention: environments.releaseRetention })
    .from(environments)
    .where(eq(environments.id, environmentId))
  const newer = sql`over (order by max(${releases.number}) desc rows between unbounded preceding and 1 preceding)`
  const isBuilt = sql`bool_or(${operations.kind} = 'environment_deploy')`
  const rows = await db
    .select({ id: sourceOf, builtSince: sql<number>`coalesce(sum(${isBuilt}::int) ${newer}, 0)::int` })
    .from(releases)
    .innerJoin(operations, eq(operations.id, releases.operationId))
    .where(and(eq(releases.environmentId, environmentId), inArray(releases.status, [...oncePublished])))
    .groupBy(sourceOf)
  return rows.filter(({ builtSince }) => builtSince < (environment?.retention ?? 0)).map(({ id }) => id)
}

/**
 * Gives up the releases that are not kept: nobody can go back to them any more, and the variables that they pinned are forgotten
 * where no replica is left that was started with them.
 */
export async function giveUpReleases(tx: Database, environmentId: EnvironmentId): Promise<void> {
  const kept = await keptReleases(tx, environmentId)
  const isGivenUp = and(
    eq(releases.environmentId, environmentId),
    inArray(releases.status, [...oncePublished, 'failed']),
    kept.length > 0 ? sql`${sourceOf} <> all(${sql.param(kept)}::uuid[])` : undefined,
  )
  await tx.update(releases).set({ prunedAt: sql`now()` }).where(and(isGivenUp, isNull(releases.prunedAt)))
  const running = tx
    .select({ operationId: serviceReplicas.operationId })
    .from(serviceReplicas)
    .where(and(ne(serviceReplicas.status, 'removed'), isNotNull(serviceReplicas.operationId)))
  const isOfPlan = sql`exists (select from operations where operations.id in (${running}) and plan ->> 'releaseId' = ${releases.id}::text)`
  await tx
    .update(releases)
    .set({ variables: null })
    .where(and(isGivenUp, isNotNull(releases.variables), notInArray(releases.operationId, running), not(isOfPlan)))
}

/** A server on which something of an environment is to be pruned. */
export interface PrunedServer {
  serverId: ServerId
  serverName: string
}

/** The ids by which Docker knows an image on any server, wherever it came from: one for each platform. */
const idsOnServers = sql<string[]>`coalesce(${buildArtifacts.metadata} -> 'imageIds', jsonb_build_array(${buildArtifacts.imageDigest}))`

/** Images that no release needs any more. */
const unneeded = (environmentId: EnvironmentId) =>
  and(
    eq(buildArtifacts.environmentId, environmentId),
    eq(buildArtifacts.status, 'available'),
    sql`not exists (select from releases where releases.artifact_id = ${buildArtifacts.id} and releases.pruned_at is null)`,
  )

/** Where there are images that no release needs, or folders of operations that nobody has looked at for a day. */
export async function serversToPrune(db: Database, environmentId: EnvironmentId): Promise<PrunedServer[]> {
  const withImages = db.select({ id: buildArtifacts.serverId }).from(buildArtifacts).where(unneeded(environmentId))
  const withReplicas = db
    .select({ id: serviceReplicas.serverId })
    .from(serviceReplicas)
    .innerJoin(services, eq(services.id, serviceReplicas.serviceId))
    .where(and(eq(services.environmentId, environmentId), ne(serviceReplicas.status, 'removed')))
  const withBuilder = db
    .select({ id: servicePlacements.serverId })
    .from(servicePlacements)
    .innerJoin(environments, eq(environments.builderServiceId, servicePlacements.serviceId))
    .where(eq(environments.id, environmentId))
  const isOwn = or(inArray(servers.id, withReplicas), inArray(servers.id, withBuilder))
  const pulled = sql`exists (select from ${buildArtifacts} where ${unneeded(environmentId)} and ${buildArtifacts.digestKind} = 'repo_digest')`
  const isDue = and(isOwn, lt(servers.foldersPrunedAt, sql`now() - interval '1 day'`))
  return db
    .select({ serverId: servers.id, serverName: servers.name })
    .from(servers)
    .where(or(inArray(servers.id, withImages), and(inArray(servers.id, withReplicas), pulled), isDue))
    .orderBy(servers.name)
}

/** How many of the images that were built elsewhere are looked for again, should a server have been away when they went. */
const lookedForAgain = 50

/** Images that were built elsewhere and that no release of any environment needs any more, newest first. */
async function unneededGiven(db: Database, environmentId: EnvironmentId): Promise<string[]> {
  const rows = await db
    .select({ image: buildArtifacts.imageDigest })
    .from(buildArtifacts)
    .where(and(eq(buildArtifacts.environmentId, environmentId), isGiven, sql`not ${isNeededBySomebody}`))
    .orderBy(desc(buildArtifacts.createdAt))
    .limit(lookedForAgain)
  return [...new Set(rows.flatMap(({ image }) => image ?? []))]
}

/** A release of any environment needs an image of this digest: what one has built another one may have been given. */
const isNeededBySomebody = sql`exists (select from build_artifacts other join releases on releases.artifact_id = other.id
  where other.image_digest = ${buildArtifacts.imageDigest} and releases.pruned_at is null)`

/** No server of ours has built it. */
const isGiven = isNull(buildArtifacts.serverId)

/** Under which names an environment's images lie on a server, and what has to stay there: images that a release needs, and the folders of operations that are not over. */
export async function keptOn(db: Database, environmentId: EnvironmentId, serverId: ServerId) {
  const images = await db
    .selectDistinct({ imageIds: idsOnServers })
    .from(buildArtifacts)
    .where(and(eq(buildArtifacts.environmentId, environmentId), isNotNull(buildArtifacts.imageDigest), isNeededBySomebody))
  const open = await db
    .selectDistinct({ hash: operations.hash })
    .from(operations)
    .innerJoin(operationSteps, eq(operationSteps.operationId, operations.id))
    .innerJoin(sql`operations root`, sql`root.id = ${operations.rootId}`)
    .where(and(eq(operationSteps.serverId, serverId), sql`(root.finished_at is null or root.needs_convergence)`))
  const names = await db
    .selectDistinct({ name: buildArtifacts.registryRef })
    .from(buildArtifacts)
    .where(and(eq(buildArtifacts.environmentId, environmentId), isNotNull(buildArtifacts.registryRef), not(isGiven)))
  return {
    unneeded: await unneededGiven(db, environmentId),
    storedAs: names.flatMap(({ name }) => name ?? []),
    images: images.flatMap(({ imageIds }) => imageIds),
    operations: open.map(({ hash }) => hash),
  }
}

/** Images of an environment that are gone from a server are discarded, and with them those that none of ours has built; `present` are those that are there. */
export async function recordPruned(
  tx: Database,
  { environmentId, serverId, present }: { environmentId: EnvironmentId; serverId: ServerId; present: readonly string[] },
): Promise<void> {
  await tx
    .update(buildArtifacts)
    .set({ status: 'discarded' })
    .where(
      and(
        unneeded(environmentId),
        or(isGiven, and(eq(buildArtifacts.serverId, serverId), sql`not ${idsOnServers} ?| ${sql.param([...present])}::text[]`)),
      ),
    )
}

/** Old operation folders have been removed from a server in the course of this operation. */
export async function recordFoldersPruned(tx: Database, serverId: ServerId, operationId: OperationId): Promise<void> {
  const startedAt = sql`(select started_at from operations where id = ${operationId})`
  await tx.update(servers).set({ foldersPrunedAt: startedAt }).where(eq(servers.id, serverId))
}
