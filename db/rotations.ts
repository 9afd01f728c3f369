import { and, eq, lt, ne, sql } from 'drizzle-orm'
import { openCredentials, sealCredentials } from '../domain/credentials.ts'
import type { EnvironmentId, OperationId, SliceId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { applications, credentialRotations, environmentAttachments, environments, operationLocks, serviceReplicas, services, serviceSlices } from './schema/index.ts'

type Credentials = Readonly<Record<string, Secret>>

/** A rotation that is under way, with the other credentials opened: for the engine only. */
export interface Rotation {
  sliceId: SliceId
  operationId: OperationId
  stage: 'admitting' | 'retiring'
  credentials: Credentials
}

/** The rotation of a slice; null where none is under way. */
export async function rotationOf(db: Database, keyring: Keyring, sliceId: SliceId): Promise<Rotation | null> {
  const [row] = await db.select().from(credentialRotations).where(eq(credentialRotations.sliceId, sliceId))
  if (!row) return null
  const { operationId, stage, credentials } = row
  return { sliceId, operationId, stage, credentials: openCredentials(keyring, credentials, sealedPlaces.rotationCredentials(sliceId)) }
}

/** Takes a rotation up: a new one with these next credentials, or the one that is under way with its own. */
export async function beginRotation(
  db: Database,
  keyring: Keyring,
  { sliceId, operationId, next }: { sliceId: SliceId; operationId: OperationId; next: Credentials },
): Promise<void> {
  const credentials = sealCredentials(keyring, next, sealedPlaces.rotationCredentials(sliceId))
  await db
    .insert(credentialRotations)
    .values({ sliceId, operationId, credentials, stage: 'admitting' })
    .onConflictDoUpdate({ target: credentialRotations.sliceId, set: { operationId } })
}

/** The next credentials become those of the slice, and those of before stay valid for a while. Nothing where that has happened. */
export async function switchRotation(tx: Database, keyring: Keyring, sliceId: SliceId): Promise<void> {
  const rotation = await rotationOf(tx, keyring, sliceId)
  if (rotation?.stage !== 'admitting') return
  const [slice] = await tx.select().from(serviceSlices).where(eq(serviceSlices.id, sliceId)).for('update')
  const before = openCredentials(keyring, slice?.credentials ?? null, sealedPlaces.sliceCredentials(sliceId))
  const now = sealCredentials(keyring, rotation.credentials, sealedPlaces.sliceCredentials(sliceId))
  await tx.update(serviceSlices).set({ credentials: now }).where(eq(serviceSlices.id, sliceId))
  const credentials = sealCredentials(keyring, before, sealedPlaces.rotationCredentials(sliceId))
  await tx.update(credentialRotations).set({ stage: 'retiring', credentials }).where(eq(credentialRotations.sliceId, sliceId))
}

/** The slice has one pair of credentials again. */
export async function endRotation(db: Database, sliceId: SliceId): Promise<void> {
  await db.delete(credentialRotations).where(eq(credentialRotations.sliceId, sliceId))
}

/** An environment that a slice is attached to. */
export interface AttachedEnvironment {
  id: EnvironmentId
  name: string
  applicationName: string
  /** Something of it runs, or may. */
  isDeployed: boolean
}

/** Environments that a slice is attached to. */
export async function attachedEnvironments(db: Database, sliceId: SliceId): Promise<AttachedEnvironment[]> {
  return db
    .selectDistinct({
      ...{ id: environments.id, name: environments.name, applicationName: applications.name },
      isDeployed: sql<boolean>`${environments.currentReleaseId} is not null and exists (
        select from service_replicas join services own on own.id = service_replicas.service_id
        where own.environment_id = ${environments.id} and service_replicas.status <> 'removed')`,
    })
    .from(environmentAttachments)
    .innerJoin(environments, eq(environments.id, environmentAttachments.environmentId))
    .innerJoin(applications, eq(applications.id, environments.applicationId))
    .where(and(eq(environmentAttachments.serviceSliceId, sliceId), ne(environments.status, 'removed')))
}

/**
 * Services that are deployed on their own and have replicas from before the credentials were switched: no environment brings them to the
 * new ones.
 */
export async function servicesLeftBehind(db: Database, sliceId: SliceId): Promise<{ name: string; environmentName: string }[]> {
  return db
    .selectDistinct({ name: services.name, environmentName: environments.name })
    .from(credentialRotations)
    .innerJoin(environmentAttachments, eq(environmentAttachments.serviceSliceId, credentialRotations.sliceId))
    .innerJoin(environments, eq(environments.id, environmentAttachments.environmentId))
    .innerJoin(services, and(eq(services.environmentId, environments.id), ne(services.deployPolicy, 'with_environment')))
    .innerJoin(serviceReplicas, and(eq(serviceReplicas.serviceId, services.id), eq(serviceReplicas.status, 'running')))
    .where(and(eq(credentialRotations.sliceId, sliceId), lt(serviceReplicas.createdAt, credentialRotations.updatedAt)))
    .orderBy(services.name)
}

/** Whether an operation holds these environments for itself. */
export async function holdsEnvironments(db: Database, operationId: OperationId, ids: readonly EnvironmentId[]): Promise<boolean> {
  const held = await db
    .select({ key: operationLocks.key })
    .from(operationLocks)
    .where(and(eq(operationLocks.operationId, operationId), eq(operationLocks.mode, 'exclusive')))
  return ids.every((id) => held.some(({ key }) => key === `environment/${id}`))
}
