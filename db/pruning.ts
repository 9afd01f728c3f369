import { and, desc, eq, inArray, isNotNull, isNull, lt, ne, not, notInArray, or, type SQL, sql } from 'drizzle-orm'
import type { EnvironmentId, OperationId, ReleaseId, ServerId } from '../domain/ids.ts'
import { oncePublished } from '../domain/releases.ts'
import type { Database } from './connect.ts'
import { lockAdmission } from './operations/admit.ts'
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
  return {
    unneeded: await unneededGiven(db, environmentId),
    storedAs: await namesInRegistries(db, environmentId),
    images: images.flatMap(({ imageIds }) => imageIds),
    operations: await openOperationsOn(db, serverId),
  }
}

/** Names under which images that an environment has built lie beside its own, in registries. */
async function namesInRegistries(db: Database, environmentId: EnvironmentId): Promise<string[]> {
  const names = await db
    .selectDistinct({ name: buildArtifacts.registryRef })
    .from(buildArtifacts)
    .where(and(eq(buildArtifacts.environmentId, environmentId), isNotNull(buildArtifacts.registryRef), not(isGiven)))
  return names.flatMap(({ name }) => name ?? [])
}

/** Hashes of operations with steps on a server that are not over. */
export async function openOperationsOn(db: Database, serverId: ServerId): Promise<string[]> {
  const open = await db
    .selectDistinct({ hash: operations.hash })
    .from(operations)
    .innerJoin(operationSteps, eq(operationSteps.operationId, operations.id))
    .innerJoin(sql`operations root`, sql`root.id = ${operations.rootId}`)
    .where(and(eq(operationSteps.serverId, serverId), sql`(root.finished_at is null or root.needs_convergence)`))
  return open.map(({ hash }) => hash)
}

/** No operation holds an environment, waits for it, or has left something to be taken back there. */
const isFree = (environmentId: SQL | EnvironmentId) => sql`not exists (
  select from operation_locks join operations on operations.id = operation_locks.operation_id
  where operation_locks.key = 'environment/' || ${environmentId} and (operations.finished_at is null or operations.needs_convergence))`

/** Environments that run on a server, or have had images built there that somebody may still go back to. */
export async function environmentsWithImagesOn(db: Database, serverId: ServerId): Promise<EnvironmentId[]> {
  const rows = await db.execute<{ id: EnvironmentId }>(sql`
    select services.environment_id as id from service_replicas present join services on services.id = present.service_id
    where present.server_id = ${serverId} and present.status <> 'removed' and services.environment_id is not null
    union
    select environment_id from build_artifacts where server_id = ${serverId} and status = 'available'
    order by id`)
  return rows.map(({ id }) => id)
}

/** How many of the images that were given up are looked for again, should a server have been away: those of more releases than any environment keeps. */
const givenUpAgain = 100

/**
 * What an environment keeps no more since it was deployed last, and what of it is to stay on a server; null while an operation has the
 * environment. It is given up for good: whoever wants such an image from now on has it built. An operation that begins while it is
 * removed has images that are not among `only`.
 */
export async function outdatedOn(db: Database, environmentId: EnvironmentId, serverId: ServerId) {
  return db.transaction(async (tx) => {
    await lockAdmission(tx)
    const [free] = await tx.execute(sql`select where ${isFree(environmentId)}`)
    if (!free) return null
    await giveUpReleases(tx, environmentId)
    const isNobodys = sql`not ${isNeededBySomebody}`
    await tx.update(buildArtifacts).set({ status: 'discarded' }).where(and(unneeded(environmentId), not(isGiven), isNobodys))
    const givenUp = await tx
      .select({ imageIds: idsOnServers })
      .from(buildArtifacts)
      .where(and(eq(buildArtifacts.environmentId, environmentId), isNotNull(buildArtifacts.imageDigest), not(isGiven), isNobodys))
      .orderBy(desc(buildArtifacts.createdAt))
      .limit(givenUpAgain)
    return { ...(await keptOn(tx, environmentId, serverId)), only: givenUp.flatMap(({ imageIds }) => imageIds) }
  })
}

/** For how long it is looked after what has left a server, should that have been away. */
const leftDays = 30

/**
 * Environments that had replicas on a server, and have nothing there any more and nothing to do: no deploy of theirs comes by it. What
 * they have pulled there is in the registry, whoever may want it again.
 */
export async function environmentsThatLeft(db: Database, serverId: ServerId): Promise<EnvironmentId[]> {
  const rows = await db.execute<{ id: EnvironmentId }>(sql`
    select distinct services.environment_id as id
    from service_replicas gone join services on services.id = gone.service_id
    where gone.server_id = ${serverId} and gone.status = 'removed' and gone.updated_at > now() - make_interval(days => ${leftDays})
      and services.environment_id is not null
      and not exists (
        select from service_replicas present join services own on own.id = present.service_id
        where own.environment_id = services.environment_id and present.server_id = ${serverId} and present.status <> 'removed')
      and not exists (
        select from service_placements place join services own on own.id = place.service_id
        where own.environment_id = services.environment_id and place.server_id = ${serverId} and own.status <> 'removed')
      and not exists (
        select from environments join service_placements place on place.service_id = environments.builder_service_id
        where environments.id = services.environment_id and place.server_id = ${serverId})
      and ${isFree(sql`services.environment_id`)}
    order by services.environment_id`)
  return rows.map(({ id }) => id)
}

/** What of such an environment stays on a server: images that were built there alone and may be gone back to, and what others were given. */
export async function keptOfLeft(db: Database, environmentId: EnvironmentId, serverId: ServerId) {
  const isNeededByOthers = sql`exists (select from build_artifacts other join releases on releases.artifact_id = other.id
    where other.image_digest = ${buildArtifacts.imageDigest} and other.environment_id <> ${environmentId} and releases.pruned_at is null)`
  const isOnlyHere = and(eq(buildArtifacts.serverId, serverId), eq(buildArtifacts.digestKind, 'image_id'), isNeededBySomebody)
  const images = await db
    .selectDistinct({ imageIds: idsOnServers })
    .from(buildArtifacts)
    .where(and(eq(buildArtifacts.environmentId, environmentId), isNotNull(buildArtifacts.imageDigest), or(isOnlyHere, isNeededByOthers)))
  const ofOthers = await db.selectDistinct({ name: buildArtifacts.registryRef }).from(buildArtifacts).where(ne(buildArtifacts.environmentId, environmentId))
  // One that was removed may have had a name that another one has got since.
  const own = (await namesInRegistries(db, environmentId)).filter((name) => !ofOthers.some((other) => other.name === name))
  return {
    ...{ unneeded: [], storedAs: own, images: images.flatMap(({ imageIds }) => imageIds) },
    operations: await openOperationsOn(db, serverId),
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
