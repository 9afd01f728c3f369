import { and, desc, eq, getTableColumns, gt, inArray, isNotNull, or, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { openCredentials } from '../domain/credentials.ts'
import type { EnvironmentId, OperationId, ReleaseId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import type { RolloutKind } from '../domain/operations.ts'
import { oncePublished, type RollbackTarget } from '../domain/releases.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Database } from './connect.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { sourceOf } from './releases.ts'
import { buildArtifacts, environments, operations, releases } from './schema/index.ts'

const { variables, ...columns } = getTableColumns(releases)

/** What is live, as the release that was built. */
const liveSource = (environmentId: EnvironmentId) => sql`(select coalesce(live.rolled_back_to_id, live.id) from releases live
  where live.environment_id = ${environmentId} and live.status = 'successful')`

/** Releases with what decides whether an environment can go back to them; their variables stay sealed and are left out. */
const viewed = (db: Database, environmentId: EnvironmentId) =>
  db
    .select({
      ...columns,
      kind: sql<RolloutKind>`${operations.kind}`,
      isLive: sql<boolean>`coalesce(${sourceOf} = ${liveSource(environmentId)}, false)`,
      isPruned: sql<boolean>`${releases.prunedAt} is not null`,
      hasImage: sql<boolean>`coalesce(${buildArtifacts.status} = 'available', false)`,
      image: sql<string | null>`case when ${buildArtifacts.digestKind} = 'repo_digest' then ${buildArtifacts.imageDigest} end`,
    })
    .from(releases)
    .innerJoin(operations, eq(operations.id, releases.operationId))
    .leftJoin(buildArtifacts, eq(buildArtifacts.id, releases.artifactId))

/** A release as people see it. */
export type ReleaseView = Omit<typeof releases.$inferSelect, 'variables'> & RollbackTarget & { kind: RolloutKind; image: string | null }

/** Releases of an environment, newest first. */
export async function releasesOf(db: Database, environmentId: EnvironmentId, page: PageRequest): Promise<Page<ReleaseView>> {
  const rows = await viewed(db, environmentId)
    .where(and(eq(releases.environmentId, environmentId), behindCursor(releases.id, page)))
    .orderBy(desc(releases.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

/** One release of the environment; null where it has none of this id. */
export async function releaseOf(db: Database, environmentId: EnvironmentId, id: ReleaseId): Promise<ReleaseView | null> {
  const [row] = await viewed(db, environmentId).where(and(eq(releases.environmentId, environmentId), eq(releases.id, id)))
  return row ?? null
}

/** A release with its image and all that it pins, opened: for the engine only. Throws where the environment has none like it. */
export async function releaseToRestore(db: Database, keyring: Keyring, environmentId: EnvironmentId, id: ReleaseId) {
  const release = await releaseOf(db, environmentId, id)
  if (!release) throw new Error(`environment ${environmentId} has no release ${id}`)
  const [row] = await db
    .select({ sealed: variables, artifact: buildArtifacts })
    .from(releases)
    .leftJoin(buildArtifacts, eq(buildArtifacts.id, releases.artifactId))
    .where(eq(releases.id, id))
  const values = openCredentials(keyring, row?.sealed ?? null, sealedPlaces.releaseVariables(id))
  return { release, artifact: row?.artifact ?? null, variables: { values, versions: release.variableVersions } }
}

/**
 * The image that an operation's release shares with an earlier one, and that earlier one: what a rollback brings back, else what is
 * live. Throws where it has an image of its own.
 */
export async function releasedImage(db: Database, operationId: OperationId) {
  const source = alias(releases, 'source')
  const [row] = await db
    .select({
      ...{ number: source.number, commitSha: source.commitSha },
      ...{ artifactId: buildArtifacts.id, imageDigest: buildArtifacts.imageDigest },
    })
    .from(releases)
    .innerJoin(environments, eq(environments.id, releases.environmentId))
    .innerJoin(source, eq(source.id, sql`coalesce(${releases.rolledBackToId}, ${environments.currentReleaseId})`))
    .innerJoin(buildArtifacts, and(eq(buildArtifacts.id, releases.artifactId), eq(buildArtifacts.id, source.artifactId)))
    .where(eq(releases.operationId, operationId))
  if (!row?.imageDigest) throw new Error(`operation ${operationId} has no image of an earlier release`)
  return { ...row, imageDigest: row.imageDigest }
}

/**
 * The release before the live one: the newest that a later one has replaced, as the release that was built; without those that
 * a rollback took back, and those that are the very same as the live one. Null where there is none.
 */
export async function releaseBefore(db: Database, environmentId: EnvironmentId): Promise<ReleaseId | null> {
  const isOther = sql`${sourceOf} <> ${liveSource(environmentId)}`
  const [row] = await db
    .select({ id: sourceOf })
    .from(releases)
    .where(and(eq(releases.environmentId, environmentId), eq(releases.status, 'obsolete'), isOther))
    .orderBy(desc(releases.number))
    .limit(1)
  return row?.id ?? null
}

/** Somebody has run the migration while the release was live. */
const migratedByHand = sql`exists (
  select from operations hand
  where hand.kind = 'migration_run' and hand.target_id = ${releases.environmentId} and hand.committed_at > ${operations.committedAt}
    and not exists (
      select from releases later join operations deploy on deploy.id = later.operation_id
      where later.environment_id = ${releases.environmentId} and later.number > ${releases.number} and deploy.committed_at < hand.committed_at))`

/** Numbers of the releases after this one whose deploy ran a migration, whether there was anything to migrate or not. */
export async function migratedSince(db: Database, environmentId: EnvironmentId, number: number): Promise<number[]> {
  const rows = await db
    .select({ number: releases.number })
    .from(releases)
    .innerJoin(operations, eq(operations.id, releases.operationId))
    .where(
      and(
        eq(releases.environmentId, environmentId),
        gt(releases.number, number),
        inArray(releases.status, [...oncePublished]),
        or(isNotNull(sql`nullif(${operations.plan} -> 'migration', 'null')`), migratedByHand),
      ),
    )
    .orderBy(releases.number)
  return rows.map((row) => row.number)
}
