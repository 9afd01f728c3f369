import { and, desc, eq, inArray, sql } from 'drizzle-orm'
import type { ArtifactId, EnvironmentId, OperationId, ServerId, ServiceId } from '../domain/ids.ts'
import { imageOf, type Platform, platformOf } from '../domain/images.ts'
import type { Database } from './connect.ts'
import { childId } from './ids.ts'
import { buildArtifacts, environments, servers } from './schema/index.ts'

/** What a build made, or is about to make. */
export type Artifact = typeof buildArtifacts.$inferSelect

/** Stores the digest that a base image of this environment has been resolved to; the first one stays. Returns what is stored. */
export async function pinBaseImage(
  db: Database,
  id: EnvironmentId,
  reference: string,
  digest: string,
): Promise<Record<string, string>> {
  const pinned = JSON.stringify({ [reference]: digest })
  const [row] = await db
    .update(environments)
    .set({ baseImageDigests: sql`${pinned}::jsonb || ${environments.baseImageDigests}` })
    .where(eq(environments.id, id))
    .returning({ digests: environments.baseImageDigests })
  if (!row) throw new Error(`environment ${id} does not exist`)
  return row.digests
}

/** What is about to be built; `key` stands for all that it depends on. */
export interface ArtifactPlan {
  environmentId: EnvironmentId
  operationId: OperationId
  serverId: ServerId
  /** The service that builds, where it is a dedicated one. */
  builtByServiceId: ServiceId | null
  key: string
  commitSha: string
  /** e.g. `linux/amd64`; several are one after the other with a comma between them. */
  platform: string
  imageTag: string
  /** Its name in a registry; null where it is in none. */
  registryRef: string | null
}

/** The artifact of this key: one that is there, or a new one that this operation builds (and takes away again if it fails). */
export async function claimArtifact(db: Database, { operationId, ...plan }: ArtifactPlan): Promise<Artifact> {
  const id = childId<ArtifactId>(operationId, 'artifact', plan.key)
  await db
    .insert(buildArtifacts)
    .values({ ...plan, id, builtByOperationId: operationId, status: 'building' })
    .onConflictDoNothing()
  return currentArtifact(db, plan)
}

/** Throws where the environment has none of this key. */
async function currentArtifact(db: Database, { environmentId, key }: Pick<ArtifactPlan, 'environmentId' | 'key'>): Promise<Artifact> {
  const isCurrent = sql`${buildArtifacts.status} in ('building', 'available')`
  const [artifact] = await db
    .select()
    .from(buildArtifacts)
    .where(and(eq(buildArtifacts.environmentId, environmentId), eq(buildArtifacts.key, key), isCurrent))
  if (!artifact) throw new Error(`artifact ${key} was not stored`)
  return artifact
}

/** An image that was built elsewhere, and is deployed as it is. */
export interface GivenImage {
  environmentId: EnvironmentId
  operationId: OperationId
  /** `name@sha256:…` in its registry. */
  reference: string
  /** The commit that it says it was made from. */
  commitSha: string | null
}

/** The artifact of an image that was built elsewhere: one that is there, or a new one. */
export async function recordGivenImage(tx: Database, { environmentId, operationId, reference, commitSha }: GivenImage): Promise<ArtifactId> {
  const key = reference
  const [registryRef = reference] = reference.split('@')
  await tx
    .insert(buildArtifacts)
    .values({
      ...{ id: childId<ArtifactId>(operationId, 'artifact', key), environmentId, key, commitSha, builtByOperationId: operationId },
      ...{ registryRef, imageDigest: reference, digestKind: 'repo_digest', status: 'available' },
    })
    .onConflictDoNothing()
  const { id } = await currentArtifact(tx, { environmentId, key })
  return id
}

export interface BuiltImage {
  /** `sha256:…`, as Docker knows it on any server: one for each platform. */
  imageIds: readonly string[]
  /** `name@sha256:…` in a registry; that of the one image where it is in none. */
  reference: string
  sizeBytes: number
}

/** The image is there: it may be used from now on. */
export async function recordArtifact(db: Database, id: ArtifactId, { imageIds, reference, sizeBytes }: BuiltImage): Promise<void> {
  const digestKind = imageOf(reference).isLocal ? 'image_id' : 'repo_digest'
  await db
    .update(buildArtifacts)
    .set({ imageDigest: reference, digestKind, status: 'available', metadata: { imageIds, sizeBytes } })
    .where(eq(buildArtifacts.id, id))
}

/** Throws when there is no such artifact, since ids inside the engine come from the database. */
export async function artifactById(db: Database, id: ArtifactId): Promise<Artifact> {
  const [artifact] = await db.select().from(buildArtifacts).where(eq(buildArtifacts.id, id))
  if (!artifact) throw new Error(`artifact ${id} does not exist`)
  return artifact
}

/** The newest artifact of an environment with this image. Throws where it has none. */
export async function artifactOfImage(db: Database, environmentId: EnvironmentId, imageDigest: string): Promise<Artifact & { imageDigest: string }> {
  const isOf = and(eq(buildArtifacts.environmentId, environmentId), eq(buildArtifacts.imageDigest, imageDigest))
  const [artifact] = await db.select().from(buildArtifacts).where(isOf).orderBy(desc(buildArtifacts.createdAt)).limit(1)
  if (!artifact) throw new Error(`environment ${environmentId} has no image ${imageDigest}`)
  return { ...artifact, imageDigest }
}

/** What an operation built or was about to build. */
export async function artifactsBuiltBy(db: Database, operationId: OperationId): Promise<Artifact[]> {
  return db
    .select()
    .from(buildArtifacts)
    .where(and(eq(buildArtifacts.builtByOperationId, operationId), sql`${buildArtifacts.status} in ('building', 'available')`))
}

/** The image is gone from its server. */
export async function discardArtifact(db: Database, id: ArtifactId): Promise<void> {
  await db.update(buildArtifacts).set({ status: 'discarded' }).where(eq(buildArtifacts.id, id))
}

/** What servers are; `platform` is null until one has been provisioned. */
export async function serverPlatforms(db: Database, ids: readonly ServerId[]): Promise<{ name: string; platform: Platform | null }[]> {
  const found = await db
    .select({ architecture: servers.architecture, name: servers.name })
    .from(servers)
    .where(inArray(servers.id, [...ids]))
  return found.map(({ architecture, name }) => ({ name, platform: architecture && platformOf(architecture) }))
}
