import { and, eq, inArray, isNotNull, ne, or, sql } from 'drizzle-orm'
import type { ArtifactId, EnvironmentId, OperationId, ReplicaId, ServerId, ServiceId, SliceId } from '../domain/ids.ts'
import { isOneOff } from '../domain/operations.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { artifactsBuiltBy } from './artifacts.ts'
import type { Database } from './connect.ts'
import { gatewaysTouched, gatewayServer } from './gateways.ts'
import { idOf } from './ids.ts'
import { operationById } from './operations/begin.ts'
import { environmentOfOperation } from './operations/environment.ts'
import type { Operation } from './operations/request.ts'
import { unfinishedSteps } from './operations/steps.ts'
import { environmentsRoutedTo, putBack } from './reboots.ts'
import { liveReplicas, type Replica, replicasOf, setTraffic } from './replicas.ts'
import { serverWithKeyOf } from './server-keys.ts'
import { credentialRotations, operations, operationSteps, servers, serviceReplicas, services, serviceSlices } from './schema/index.ts'

interface OnServer {
  serverId: ServerId
  serverName: string
}

/**
 * `isDraining`: it had traffic, and what it still has is waited for. `isKept`: it was there before and only stops again. Histories of
 * before say neither.
 */
type LeftReplica = OnServer & { id: ReplicaId; containerName: string; isDraining?: boolean; isKept?: boolean }

/** What has to be undone of an operation, all of it read from rows. */
export interface Leftovers {
  environmentId: EnvironmentId | null
  /** The environments of a server that was to restart; histories of before do not say. */
  environmentIds?: readonly EnvironmentId[]
  /** Servers on which steps of the operation may still run, or one-off containers be left. */
  servers: readonly OnServer[]
  gateways: readonly (OnServer & { gatewayId: ServiceId })[]
  replicas: readonly LeftReplica[]
  artifacts: readonly (OnServer & { id: ArtifactId })[]
  /** Slices that may be opened by credentials which nobody was to use in the end; histories of before do not say. */
  slices?: readonly (OnServer & { id: SliceId })[]
  /** The server may let in a next key of this operation that nobody is to use in the end; histories of before do not say. */
  withNextKey?: OnServer
  /** The slice of the operation may have its new settings; histories of before do not say. */
  isSliceChanged?: boolean
  /** A replica that may have the image of an update, and the one that it had; histories of before do not say. */
  updated?: UpdatedReplica
}

/** The replica of a service that is updated. */
export interface UpdatedReplica extends OnServer {
  replicaId: ReplicaId
  /** `name@sha256:…` that the service runs from as long as the update is not committed. */
  image: string
}

/** Gives traffic back to those who had it: what the operation drained serves again, its own replicas only finish what they have. */
export async function returnTraffic(tx: Database, rootId: OperationId): Promise<void> {
  const own = await replicasOf(tx, rootId)
  const { plan, kind, targetId } = await operationById(tx, rootId)
  if (kind === 'server_reboot') await putBack(tx, idOf<ServerId>(targetId), ['draining'])
  const retiring = plan?.services.flatMap((service) => service.retiring) ?? []
  if (own.length + retiring.length === 0) return
  await setTraffic(tx, own.filter(({ traffic }) => traffic === 'serving').map(({ id }) => id), 'draining')
  await tx
    .update(serviceReplicas)
    .set({ traffic: 'serving' })
    .where(
      and(
        or(inArray(serviceReplicas.serviceId, own.map(({ serviceId }) => serviceId)), inArray(serviceReplicas.id, retiring)),
        sql`${serviceReplicas.operationId} is distinct from ${rootId}`,
        isOfCommitted,
        eq(serviceReplicas.traffic, 'draining'),
        eq(serviceReplicas.status, 'running'),
      ),
    )
}

/** Another version that has failed may be draining too, where it could not be taken back whole yet. */
const isOfCommitted = sql`(${serviceReplicas.operationId} is null or exists (
  select from operations made where made.id = ${serviceReplicas.operationId} and made.committed_at is not null))`

/** The operation's own replicas have nothing to finish any more. */
export async function endDrain(tx: Database, rootId: OperationId): Promise<void> {
  await setTraffic(tx, (await replicasOf(tx, rootId)).map(({ id }) => id), 'none')
}

/** Everything that an operation may have left anywhere. */
export async function leftoversOf(db: Database, rootId: OperationId): Promise<Leftovers> {
  const operation = await operationById(db, rootId)
  const own = await replicasOf(db, rootId)
  const names = new Map((await db.select({ id: servers.id, name: servers.name }).from(servers)).map(({ id, name }) => [id, name]))
  const on = (serverId: ServerId): OnServer => ({ serverId, serverName: names.get(serverId) ?? serverId })
  const gateways = await gatewaysTouched(db, rootId)
  const artifacts = await artifactsBuiltBy(db, rootId)
  const withNextKey = await serverWithKeyOf(db, rootId)
  return {
    environmentId: environmentOfOperation(operation),
    ...(await environmentsOfReboot(db, operation)),
    servers: (await serversOfSteps(db, operation)).map(on),
    gateways: await Promise.all(gateways.map(async ({ gatewayId }) => ({ gatewayId, ...(await gatewayServer(db, gatewayId)) }))),
    replicas: [
      ...own.map(({ id, serverId, containerName, traffic }) => ({ id, containerName, isDraining: traffic === 'draining', ...on(serverId) })),
      ...(await startingAgain(db, operation)).map(({ id, serverId, containerName }) => ({ id, containerName, isKept: true, ...on(serverId) })),
    ],
    artifacts: artifacts.flatMap(({ id, serverId }) => (serverId ? [{ id, ...on(serverId) }] : [])),
    ...(await isSliceChanged(db, operation) ? { isSliceChanged: true } : {}),
    ...(await updatedReplica(db, operation, on)),
    ...(withNextKey ? { withNextKey: on(withNextKey) } : {}),
    slices: (await slicesAdmittedBy(db, rootId)).map(({ id, serverId }) => ({ id, ...on(serverId) })),
  }
}

async function environmentsOfReboot(db: Database, { kind, targetId }: Operation): Promise<Pick<Leftovers, 'environmentIds'>> {
  return kind === 'server_reboot' ? { environmentIds: await environmentsRoutedTo(db, idOf<ServerId>(targetId), 'serving') } : {}
}

/** A step that has failed has changed nothing: its statements are one transaction. */
async function isSliceChanged(db: Database, { id, kind }: Operation): Promise<boolean> {
  if (kind !== 'slice_configure') return false
  const step = await stepOf(db, id, stepNumbers.sliceConfigure.configure)
  return step !== undefined && step.status !== 'failed'
}

async function updatedReplica(db: Database, { id, kind, targetId }: Operation, on: (id: ServerId) => OnServer): Promise<{ updated?: UpdatedReplica }> {
  if (kind !== 'service_update' || !(await stepOf(db, id, stepNumbers.serviceUpdate.start))) return {}
  const serviceId = idOf<ServiceId>(targetId)
  const [service] = await db.select({ image: services.currentImageDigest }).from(services).where(eq(services.id, serviceId))
  const [replica] = await liveReplicas(db, [serviceId])
  if (!replica || !service?.image) return {}
  return { updated: { replicaId: replica.id, image: service.image, ...on(replica.serverId) } }
}

async function stepOf(db: Database, operationId: OperationId, order: number) {
  const isNamed = and(eq(operationSteps.operationId, operationId), eq(operationSteps.order, order))
  const [step] = await db.select({ status: operationSteps.status }).from(operationSteps).where(isNamed)
  return step
}

/** Replicas of before that the operation was to start again. */
async function startingAgain(db: Database, { id, kind, targetId }: Operation): Promise<Replica[]> {
  if (kind !== 'service_start') return []
  const replicas = await liveReplicas(db, [idOf<ServiceId>(targetId)])
  return replicas.filter(({ status, operationId }) => status === 'starting' && operationId !== id)
}

/** Slices whose next credentials this operation has let in, and where their services run. */
async function slicesAdmittedBy(db: Database, rootId: OperationId): Promise<{ id: SliceId; serverId: ServerId }[]> {
  return db
    .select({ id: serviceSlices.id, serverId: serviceReplicas.serverId })
    .from(credentialRotations)
    .innerJoin(serviceSlices, eq(serviceSlices.id, credentialRotations.sliceId))
    .innerJoin(serviceReplicas, and(eq(serviceReplicas.serviceId, serviceSlices.serviceId), ne(serviceReplicas.status, 'removed')))
    .where(and(eq(credentialRotations.operationId, rootId), eq(credentialRotations.stage, 'admitting')))
}

/**
 * Where something of it may still go on: an unfinished step, or a one-off container, which runs beside replicas of the operation, or
 * is all that it is about. A server that only built must not be waited for when it has gone.
 */
async function serversOfSteps(db: Database, { id, kind }: Operation): Promise<ServerId[]> {
  const withReplicas = db.select({ id: serviceReplicas.serverId }).from(serviceReplicas).where(eq(serviceReplicas.operationId, id))
  const isRunning = or(eq(operationSteps.status, 'running'), inArray(operationSteps.serverId, withReplicas), sql`${isOneOff(kind)}`)
  const rows = await db
    .selectDistinct({ serverId: operationSteps.serverId })
    .from(operationSteps)
    .innerJoin(operations, eq(operations.id, operationSteps.operationId))
    .where(and(eq(operations.rootId, id), isRunning))
  return rows.flatMap(({ serverId }) => (serverId ? [serverId] : []))
}

/** What an operation was to bring into being has failed; what was there and worked before stays as it is. */
export async function failTarget(tx: Database, { targetType, targetId }: Operation): Promise<void> {
  switch (targetType) {
    case 'slice':
      await tx
        .update(serviceSlices)
        .set({ status: 'failed' })
        .where(and(eq(serviceSlices.id, idOf(targetId)), eq(serviceSlices.status, 'new')))
      break
    case 'service':
      await tx
        .update(services)
        .set({ status: 'failed' })
        .where(and(eq(services.id, idOf(targetId)), eq(services.status, 'deploying')))
      break
    case 'server':
      await tx
        .update(servers)
        .set({ status: 'failed' })
        .where(and(eq(servers.id, idOf(targetId)), eq(servers.status, 'provisioning')))
      break
    case 'environment':
    case 'replica':
    case 'operation':
    case 'volume':
    case 'organisation':
      break
    default:
      targetType satisfies never
  }
}

/** Unfinished steps of an operation's tree on one server, but for those by which it takes itself back. */
export async function unfinishedWorkOn(db: Database, rootId: OperationId, serverId: ServerId) {
  const steps = await unfinishedSteps(db, rootId)
  return steps.filter((step) => step.serverId === serverId && step.order < stepNumbers.convergence.stopOneOffs)
}

/** Marks an operation that could not be taken back whole, and the servers that this concerns. */
export async function markUnconverged(tx: Database, rootId: OperationId): Promise<void> {
  const { servers: concerned } = await leftoversOf(tx, rootId)
  await tx.update(operations).set({ needsConvergence: true }).where(eq(operations.id, rootId))
  await tx.update(servers).set({ needsConvergence: true }).where(inArray(servers.id, concerned.map(({ serverId }) => serverId)))
}

/** An operation that has been taken back whole after all; a server is in line when no other operation concerns it. */
export async function markConverged(tx: Database, rootId: OperationId): Promise<void> {
  const marked = await tx
    .update(operations)
    .set({ needsConvergence: false })
    .where(and(eq(operations.id, rootId), operations.needsConvergence))
    .returning({ id: operations.id })
  if (marked.length === 0) return
  const others = tx
    .select({ serverId: operationSteps.serverId })
    .from(operationSteps)
    .innerJoin(operations, eq(operations.id, operationSteps.operationId))
    .where(and(isNotNull(operationSteps.serverId), sql`${operations.rootId} in (select id from operations where needs_convergence)`))
  await tx
    .update(servers)
    .set({ needsConvergence: false })
    .where(and(servers.needsConvergence, sql`${servers.id} not in (${others})`))
}
