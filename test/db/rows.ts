import { randomBytes } from 'node:crypto'
import { eq } from 'drizzle-orm'
import type { Database } from '../../db/connect.ts'
import { newHash, newId } from '../../db/ids.ts'
import { type Operation, type OperationRequest, requestOperation } from '../../db/operations/request.ts'
import { beginRollout, insertRelease, type NewRelease, publishRelease } from '../../db/releases.ts'
import * as schema from '../../db/schema/index.ts'
import { changeVariables, type Variable, variablesOf } from '../../db/variables.ts'
import type { ApplicationId, ArtifactId, EnvironmentId, OperationId, OrganisationId, ReleaseId, ReplicaId, ServerId, ServiceId, SliceId } from '../../domain/ids.ts'
import type { Keyring } from '../../domain/keyring.ts'
import type { Secret } from '../../domain/secret.ts'
import { createKeyring } from '../../drivers/secrets/keyring.ts'

/** Rows of their own for a test, as small as the schema lets them be. Names are random, so that tests do not meet. */

const unique = (word: string) => `${word}-${randomBytes(4).toString('hex')}`

export async function organisation(db: Database): Promise<OrganisationId> {
  const id = newId<OrganisationId>()
  await db.insert(schema.organisations).values({ id, name: unique('organisation') })
  return id
}

export async function server(db: Database, organisationId: OrganisationId, values: Partial<typeof schema.servers.$inferInsert> = {}): Promise<ServerId> {
  const id = newId<ServerId>()
  const name = unique('server')
  await db.insert(schema.servers).values({ id, organisationId, name, address: `${name}.example`, managementKeyPublic: '-', managementKeyPrivate: '-', ...values })
  return id
}

export async function application(db: Database, organisationId: OrganisationId): Promise<ApplicationId> {
  const id = newId<ApplicationId>()
  const repository = { repositoryUrl: 'git@git.example:shop.git', repositoryType: 'generic', defaultBranch: 'main' } as const
  const deployKey = { deployKeyPublic: '-', deployKeyPrivate: '-', deployKeyFingerprint: '-' }
  await db.insert(schema.applications).values({ id, organisationId, name: unique('shop'), ...repository, ...deployKey })
  return id
}

export async function environment(db: Database, organisationId: OrganisationId): Promise<EnvironmentId> {
  const id = newId<EnvironmentId>()
  const applicationId = await application(db, organisationId)
  await db.insert(schema.environments).values({ id, organisationId, applicationId, name: 'production', branch: 'main' })
  return id
}

export async function service(db: Database, organisationId: OrganisationId, values: Partial<typeof schema.services.$inferInsert> = {}): Promise<ServiceId> {
  const id = newId<ServiceId>()
  const kind = { category: 'database', type: 'postgres', versionTrack: '18', driverName: 'postgres', deployPolicy: 'manual' } as const
  await db.insert(schema.services).values({ id, organisationId, name: unique('data'), ...kind, processRoles: ['server'], ...values })
  return id
}

export async function gateway(db: Database, organisationId: OrganisationId, serverId: ServerId): Promise<ServiceId> {
  return service(db, organisationId, { category: 'gateway', type: 'caddy', driverName: 'caddy', gatewayServerId: serverId })
}

export async function slice(db: Database, serviceId: ServiceId, values: Partial<typeof schema.serviceSlices.$inferInsert> = {}): Promise<SliceId> {
  const id = newId<SliceId>()
  await db.insert(schema.serviceSlices).values({ id, serviceId, name: unique('slice'), type: 'database', config: {}, ...values })
  return id
}

export async function replica(
  db: Database,
  { serviceId, serverId, ...values }: Partial<typeof schema.serviceReplicas.$inferInsert> & { serviceId: ServiceId; serverId: ServerId },
): Promise<ReplicaId> {
  const id = newId<ReplicaId>()
  const container = { containerName: `replica-${id}`, imageDigest: 'sha256:0', internalHost: `replica-${id}`, internalPort: 8080, configHash: '-' }
  await db.insert(schema.serviceReplicas).values({ id, serviceId, serverId, role: 'web', status: 'running', ...container, ...values })
  return id
}

export async function artifact(
  db: Database,
  environmentId: EnvironmentId,
  builtByOperationId: OperationId,
  values: Partial<typeof schema.buildArtifacts.$inferInsert> = {},
): Promise<ArtifactId> {
  const id = newId<ArtifactId>()
  const image = { key: unique('key'), commitSha: 'a'.repeat(40), platform: 'linux/amd64', imageTag: 'shop:a' }
  await db.insert(schema.buildArtifacts).values({ id, environmentId, builtByOperationId, status: 'building', ...image, ...values })
  return id
}

/** Seals what the rows of a test hold. */
export const keyring = createKeyring({ current: 'rows', keys: { rows: randomBytes(32).toString('base64') } })

interface PublishedRelease {
  id: ReleaseId
  number: number
  operationId: OperationId
  artifactId: ArtifactId
}

/** A release of a new deploy, or of a rollback to another release; live when it is returned, with an image of its own. */
export async function release(db: Database, environmentId: EnvironmentId, values: Partial<NewRelease> = {}): Promise<PublishedRelease> {
  const { operationId, artifactId } = await rolledOut(db, environmentId, values)
  await db.transaction((tx) => publishRelease(tx, operationId, {}))
  const [stored] = await db.select().from(schema.releases).where(eq(schema.releases.operationId, operationId))
  return { id: stored!.id, number: stored!.number, operationId, artifactId }
}

/** The same before its commit point. */
export async function rolledOut(db: Database, environmentId: EnvironmentId, values: Partial<NewRelease> = {}): Promise<Omit<PublishedRelease, 'id' | 'number'>> {
  const [found] = await db.select().from(schema.environments).where(eq(schema.environments.id, environmentId))
  const { organisationId } = found!
  const { id: operationId, trigger } = await operation(db, { organisationId, targetId: environmentId })
  const image = { status: 'available', imageDigest: `sha256:${unique('image')}`, digestKind: 'image_id' } as const
  const artifactId = values.artifactId ?? (await artifact(db, environmentId, operationId, { ...image, serverId: await server(db, organisationId) }))
  const variables = { values: {}, versions: {} }
  await insertRelease(db, keyring, { environmentId, operationId, commitSha: 'a'.repeat(40), trigger, variables, ...values })
  await beginRollout(db, operationId, artifactId)
  return { operationId, artifactId }
}

/** A user's value of a variable. */
export async function setVariable(
  db: Database,
  ring: Keyring,
  { environmentId, key, value }: { environmentId: EnvironmentId; key: string; value: Secret },
): Promise<Variable> {
  await db.transaction((tx) => changeVariables(tx, ring, { environmentId, values: { [key]: value } }))
  const stored = await variablesOf(db, ring, environmentId)
  return stored.find((variable) => variable.key === key && variable.source === 'user')!
}

/** What a deploy of this environment asks for; every value can be another. */
export const deployOf = (organisationId: OrganisationId, environmentId: string, values: Partial<OperationRequest> = {}): OperationRequest => ({
  organisationId,
  kind: 'environment_deploy',
  targetType: 'environment',
  targetId: environmentId,
  summary: 'deploy production of shop @ 3f2a91c',
  trigger: { by: 'api', actor: 'somebody' },
  locks: [{ key: `environment/${environmentId}`, mode: 'exclusive' }],
  ...values,
})

/** Asks for an operation as the API does: in a transaction. */
export const requested = (db: Database, request: OperationRequest): Promise<Operation> => db.transaction((tx) => requestOperation(tx, request))

/** A root operation of an organisation of its own, in the state that the test begins with. */
export async function operation(db: Database, values: Partial<typeof schema.operations.$inferInsert> = {}): Promise<Operation> {
  const id = newId<OperationId>()
  const organisationId = values.organisationId ?? (await organisation(db))
  const target = { kind: 'environment_deploy', targetType: 'environment', targetId: newId<string>() } as const
  const told = { summary: 'deploy production of shop @ 3f2a91c', trigger: { by: 'api', actor: 'somebody' } } as const
  const row = { id, rootId: id, hash: newHash(), status: 'running', ...target, ...told, ...values, organisationId } as const
  const [stored] = await db.insert(schema.operations).values(row).returning()
  return stored!
}
