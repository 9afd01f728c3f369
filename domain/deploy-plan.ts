import type { PlannedFirewall } from './firewall.ts'
import type { ArtifactId, EnvironmentId, OperationId, ReleaseId, ReplicaId, ServerId, ServiceId } from './ids.ts'
import type { Platform } from './images.ts'
import { backgroundWarnings, type Recommended } from './recommendations.ts'
import type { SchedulerMode } from './scheduler.ts'
import type { ProcessRole } from './services.ts'
import type { ChangedVariables } from './variables.ts'
import type { Warning } from './warnings.ts'

/** What an environment's deploy will do and why, computed from a snapshot (design section 8). The stored plan is executed. */

/** A replica as it should be. */
export interface WantedReplica {
  serverId: ServerId
  serverName: string
  /** Hash of all that it is rendered from but its image and its own identity. */
  configHash: string
}

/** A replica that is, or may be, on its server. */
export interface PresentReplica {
  id: ReplicaId
  serverId: ServerId
  serverName: string
  configHash: string
  /** Of the image that its container was started from; empty before that. */
  imageDigest: string
  isHealthy: boolean
  /** Somebody has changed on its server what it was given there. */
  isAltered: boolean
}

/** A service of the environment: what it should have, and what it has. */
export interface SnapshotService {
  id: ServiceId
  name: string
  role: ProcessRole
  wanted: readonly WantedReplica[]
  present: readonly PresentReplica[]
  /** Why it stays as it is, whatever else changes; nothing where it is taken along. */
  left?: LeftReason | null
  /** Every replica of it is replaced, though nothing of it may have changed. */
  renewal?: 'started' | 'restarted' | null
}

/**
 * Why a rollout leaves a service alone: it is stopped, and stays so until it is started; it is deployed on its own; or the operation
 * is about another service.
 */
export type LeftReason = 'stopped' | 'manual' | 'not concerned'

/** All that a deploy is planned from. */
export interface DeploySnapshot {
  services: readonly SnapshotService[]
  /** Artifact of the last successful release, and the one that this deploy would need; null where that is not known yet. */
  currentArtifact: string | null
  wantedArtifact: string | null
  /** Image of the last successful release; a replica may run another one, where its service was deployed on its own. */
  currentImage?: string | null
  /** Null: nothing is to tick. */
  scheduler: { targetServiceId: ServiceId | null; mode: SchedulerMode; tickingReplicaIds: readonly ReplicaId[] }
  /** QUEUE_CONNECTION as the primary service will see it; null where nobody sets it. */
  queueConnection: string | null
  /** A worker beside each web replica. */
  hasEmbeddedWorker: boolean
  /** On how many servers at once a new version is started and gets traffic; null: on all of them. */
  batchSize: number | null
  /** Gateways that route to the environment. */
  gateways: readonly { serviceId: ServiceId; serverId: ServerId; serverName: string }[]
  /** What is known beside that, and what may be recommended. */
  advice: Recommended & { findings: readonly Warning[] }
}

/** Why a service is deployed. */
export type ServiceReason = 'first deploy' | 'new image' | 'configuration changed' | 'placement changed' | 'not healthy' | 'changed on its server' | 'started' | 'restarted'

/** A replica that will be started, and the operation that does it. */
export interface PlannedReplica {
  id: ReplicaId
  operationId: OperationId
  serverId: ServerId
  serverName: string
  /** The gateway on its server that asks it before it gets any traffic. */
  askedBy: ServiceId | null
}

/** A service that will be deployed, on the servers of one batch: a later one begins when the ones before have their traffic. */
export interface PlannedService {
  id: ServiceId
  /** Counts from 0; stored plans of before there were batches have none. */
  batch?: number
  name: string
  role: ProcessRole
  operationId: OperationId
  reason: ServiceReason
  replicas: readonly PlannedReplica[]
  /** What runs now and is retired once the new replicas have taken over; what else runs stays. */
  retiring: readonly ReplicaId[]
}

/** A gateway that will switch traffic to the replicas of one batch, and the operation that does it. */
export interface PlannedGateway {
  serviceId: ServiceId
  batch?: number
  operationId: OperationId
  serverId: ServerId
  serverName: string
  /** New replicas on other servers, which it asks before they get any traffic. */
  asks: readonly ReplicaId[]
}

/** What will change, service by service, and why. */
export interface DeployPlan {
  isUnchanged: boolean
  services: readonly PlannedService[]
  /** Services that stay exactly as they are. */
  kept: readonly KeptService[]
  gateways: readonly PlannedGateway[]
  isImageNew: boolean
  /** The replicas whose schedulers will tick; those that do already stay where they can. */
  schedulers: readonly ReplicaId[]
  /** What the user should know, e.g. that no worker runs the jobs. */
  warnings: readonly Warning[]
}

/** A service that stays exactly as it is; `because` where that does not follow from what there is. */
export interface KeptService {
  id: ServiceId
  name: string
  because?: Exclude<LeftReason, 'not concerned'>
}

/** A command of the application in a container of its own. */
export interface PlannedMigration {
  replicaId: ReplicaId
  serverName: string
  command: string
  timing: 'pre_switch' | 'post_switch'
}

/** A pre-switch or post-switch command; `name` is the one of its step. */
export interface PlannedCommand extends PlannedMigration {
  name: string
}

/** An image that need not be built: a container of it runs where it would be, or it was built elsewhere. */
export interface RunningImage {
  artifactId: ArtifactId
  reference: string
}

/** A server that pulls the image ahead of the switch. */
export interface PlannedPull {
  serverId: ServerId
  serverName: string
}

/** The plan with where and from what the image is built, or looked for; operations keep it as it was executed. */
export interface EnvironmentDeployPlan extends DeployPlan {
  environmentId: EnvironmentId
  /** The live release, where it is that the new replicas get their variables from: of an operation that makes none itself. */
  releaseId?: ReleaseId | null
  /** Null where an image that was built elsewhere does not say. */
  commit: string | null
  build: {
    serverId: ServerId
    serverName: string
    /** The service that builds there, after those that came to it before; null where the server is one of the environment's own. */
    builder?: { id: ServiceId; name: string } | null
    /** What it is built for; none where nothing is. */
    platforms?: readonly Platform[]
    /** Base images whose digest has not been resolved yet. */
    unresolved: readonly { name: string; reference: string }[]
    running: RunningImage | null
    /** Servers that get the image from a registry; plans of before there were registries have none. */
    pulls?: readonly PlannedPull[]
  }
  migration: PlannedMigration | null
  /** Of the primary service, in their order; plans of before there were any have none. */
  commands?: readonly PlannedCommand[]
  /** The user's variables that are not as the live release has them; plans of before do not say. */
  variables?: ChangedVariables
  /** Servers that let others reach new replicas, or new servers reach what they have; stored plans have them. */
  firewalls?: readonly PlannedFirewall[]
}

/** The parts of a plan in the order of their batches, each with its services and gateways. */
export function batchesOfPlan({ services, gateways }: Pick<DeployPlan, 'services' | 'gateways'>) {
  const numbers = [...new Set([...services, ...gateways].map(({ batch = 0 }) => batch))].toSorted((one, other) => one - other)
  return numbers.map((number) => ({
    services: services.filter(({ batch = 0 }) => batch === number),
    gateways: gateways.filter(({ batch = 0 }) => batch === number),
  }))
}

/** Ids of what the plan brings into being, the same whenever they are derived (design section 13). */
export interface PlanIds {
  replica(serviceId: ServiceId, serverId: ServerId, index: number): ReplicaId
  operation(kind: 'service_deploy' | 'replica_deploy' | 'gateway_cutover', targetId: string): OperationId
}

/**
 * Computes the plan: a service is deployed where its image, configuration or placement changes or a replica is not healthy,
 * and stays exactly as it is otherwise. Of one that keeps its image those replicas stay that are as they should be: scaling starts what
 * is missing and retires what is too much. Unchanged: nothing is deployed, and the scheduler stays where it is.
 */
export function planDeploy(snapshot: DeploySnapshot, ids: PlanIds): DeployPlan {
  const isImageNew = snapshot.wantedArtifact === null || snapshot.wantedArtifact !== snapshot.currentArtifact
  const isOutdated = ({ imageDigest }: PresentReplica) => isImageNew || (snapshot.currentImage ?? imageDigest) !== imageDigest
  const judged = snapshot.services.map((service) => ({ service, reason: reasonFor(service, isOutdated) }))
  const staying = new Set(judged.flatMap(({ service, reason }) => stayingReplicas(service, { reason, isOutdated, ...snapshot.scheduler })))
  const deployed = judged.flatMap(({ service, reason }) => (reason === null ? [] : [{ service, reason, ids, staying }]))
  const batchOf = batchesOf(deployed.map(({ service }) => service), snapshot.batchSize)
  const services = deployed.flatMap((each) => plannedServices(snapshot, { ...each, batchOf }))
  const kept = judged.flatMap(({ service, reason }) => (reason === null ? [keptService(service)] : []))
  const schedulers = schedulersAfter(snapshot, { services, staying })
  const isUnchanged = services.length === 0 && isSameSet(schedulers, snapshot.scheduler.tickingReplicaIds)
  const gateways = plannedGateways(snapshot, services, ids)
  return { isUnchanged, services, kept, gateways, isImageNew, schedulers, warnings: warningsFor(snapshot, schedulers) }
}

function warningsFor(snapshot: DeploySnapshot, schedulers: readonly ReplicaId[]): Warning[] {
  const { services, queueConnection, hasEmbeddedWorker, advice } = snapshot
  const hasWorkerService = services.some(({ role, wanted, left }) => role === 'worker' && wanted.length > 0 && left !== 'stopped')
  const { findings, ...recommended } = advice
  const work = { ...recommended, queueConnection, hasWorker: hasWorkerService || hasEmbeddedWorker, schedulers: schedulers.length }
  return [...backgroundWarnings(work), ...findings, ...stoppedWarnings(snapshot)]
}

function stoppedWarnings({ services, scheduler, advice }: DeploySnapshot): Warning[] {
  const serviceOf = (id: ServiceId) => advice.path.replace(/\/environments\/.*$/, `/services/${id}`)
  return services.filter(({ left }) => left === 'stopped').map(({ id, name }) => ({
    code: 'service_stopped',
    message: `${name} is stopped and stays so.${id === scheduler.targetServiceId ? ' Nothing ticks meanwhile, since the scheduler runs there.' : ''}`,
    hint: 'Start it when it is to run again.',
    request: { method: 'POST', path: `${serviceOf(id)}/start`, body: {} },
  }))
}

function keptService({ id, name, left = null }: SnapshotService): KeptService {
  return { id, name, ...(left === null || left === 'not concerned' ? {} : { because: left }) }
}

function reasonFor({ wanted, present, left = null, renewal = null }: SnapshotService, isOutdated: IsOutdated): ServiceReason | null {
  if (left !== null) return null
  if (renewal !== null) return wanted.length === 0 && present.length === 0 ? null : renewal
  if (present.length === 0) return wanted.length === 0 ? null : 'first deploy'
  if (present.some(isOutdated)) return 'new image'
  if (!isSamePlacement(wanted, present)) return 'placement changed'
  const hashes = new Map(wanted.map(({ serverId, configHash }) => [serverId, configHash]))
  if (present.some(({ serverId, configHash }) => hashes.get(serverId) !== configHash)) return 'configuration changed'
  if (present.some(({ isHealthy }) => !isHealthy)) return 'not healthy'
  return present.some(({ isAltered }) => isAltered) ? 'changed on its server' : null
}

type IsOutdated = (replica: PresentReplica) => boolean

interface Judgement extends Pick<DeploySnapshot['scheduler'], 'tickingReplicaIds'> {
  reason: ServiceReason | null
  isOutdated: IsOutdated
}

/** Replicas that are as they should be, and no more of them than there should be; the one that ticks is the last to go. */
function stayingReplicas({ wanted, present, renewal = null }: SnapshotService, { reason, isOutdated, tickingReplicaIds }: Judgement): ReplicaId[] {
  if (reason === null) return present.map(({ id }) => id)
  if (renewal !== null) return []
  const free = present.filter((replica) => replica.isHealthy && !replica.isAltered && !isOutdated(replica))
  free.sort((one, other) => Number(tickingReplicaIds.includes(other.id)) - Number(tickingReplicaIds.includes(one.id)))
  return wanted.flatMap((replica) => takeFit(free, replica)?.id ?? [])
}

function takeFit<Replica extends Pick<WantedReplica, 'serverId' | 'configHash'>>(
  free: Replica[],
  { serverId, configHash }: Pick<WantedReplica, 'serverId' | 'configHash'>,
): Replica | null {
  const index = free.findIndex((one) => one.serverId === serverId && one.configHash === configHash)
  return index < 0 ? null : (free.splice(index, 1)[0] ?? null)
}

/** What is wanted, with its place among the wanted, that none of the staying replicas is. */
function missingReplicas({ wanted, present }: SnapshotService, staying: ReadonlySet<ReplicaId>): { replica: WantedReplica; index: number }[] {
  const free = present.filter(({ id }) => staying.has(id))
  return wanted.map((replica, index) => ({ replica, index })).filter(({ replica }) => takeFit(free, replica) === null)
}

function isSamePlacement(wanted: readonly WantedReplica[], present: readonly PresentReplica[]): boolean {
  const counted = (replicas: readonly { serverId: ServerId }[]) => replicas.map(({ serverId }) => serverId).toSorted().join()
  return counted(wanted) === counted(present)
}

/** The batch of a server; those where the application answers the web come first. */
function batchesOf(services: readonly SnapshotService[], batchSize: number | null): (serverId: ServerId) => number {
  const webFirst = services.toSorted((one, other) => Number(other.role === 'web') - Number(one.role === 'web'))
  const servers = [...new Set(webFirst.flatMap(({ wanted }) => wanted.map(({ serverId }) => serverId)))]
  return (serverId) => (batchSize === null ? 0 : Math.floor(Math.max(servers.indexOf(serverId), 0) / batchSize))
}

interface Judged {
  service: SnapshotService
  reason: ServiceReason
  ids: PlanIds
  /** Replicas of all services that are not replaced. */
  staying: ReadonlySet<ReplicaId>
  batchOf(serverId: ServerId): number
}

/** The service once for each batch that it gets a replica in; what goes is named with the first, or alone where nothing follows it. */
function plannedServices({ gateways }: DeploySnapshot, { service, reason, ids, batchOf, staying }: Judged): PlannedService[] {
  const { id, name, role, present } = service
  const asking = role === 'web' ? gateways : []
  const replicas = missingReplicas(service, staying).map(({ replica: { serverId, serverName }, index }) => {
    const replicaId = ids.replica(id, serverId, index)
    const askedBy = asking.find((gateway) => gateway.serverId === serverId)?.serviceId ?? null
    return { id: replicaId, operationId: ids.operation('replica_deploy', replicaId), serverId, serverName, askedBy }
  })
  const numbers = [...new Set(replicas.map(({ serverId }) => batchOf(serverId)))].toSorted((one, other) => one - other)
  return (numbers.length === 0 ? [0] : numbers).map((batch, index) => ({
    ...{ id, batch, name, role, reason, operationId: ids.operation('service_deploy', inBatch(id, batch)) },
    replicas: replicas.filter(({ serverId }) => batchOf(serverId) === batch),
    retiring: index === 0 ? present.map((replica) => replica.id).filter((replicaId) => !staying.has(replicaId)) : [],
  }))
}

/** What the operation of a batch is known by; the first one's is that of the thing itself. */
const inBatch = (id: ServiceId, batch: number): string => (batch === 0 ? id : `${id}/${batch}`)

function plannedGateways(snapshot: DeploySnapshot, services: readonly PlannedService[], ids: PlanIds): PlannedGateway[] {
  const reached = services.filter(({ role }) => role === 'web' || role === 'websocket')
  return [...new Set(reached.map(({ batch = 0 }) => batch))].flatMap((batch) => {
    const web = reached.filter((service) => service.role === 'web' && service.batch === batch).flatMap(({ replicas }) => replicas)
    return snapshot.gateways.map((gateway) => ({
      ...{ ...gateway, batch, operationId: ids.operation('gateway_cutover', inBatch(gateway.serviceId, batch)) },
      asks: web.filter(({ serverId }) => serverId !== gateway.serverId).map(({ id }) => id),
    }))
  })
}

/** Of the target service: its replicas that stay, and its new ones. One of them, or every one. */
function schedulersAfter(
  { scheduler, services: all }: DeploySnapshot,
  { services, staying }: { services: readonly PlannedService[]; staying: ReadonlySet<ReplicaId> },
): ReplicaId[] {
  const { targetServiceId, mode, tickingReplicaIds } = scheduler
  if (targetServiceId === null) return []
  const target = all.find(({ id }) => id === targetServiceId)
  const stay = target?.left === 'stopped' ? [] : (target?.present ?? []).filter(({ id }) => staying.has(id))
  const made = services.filter(({ id }) => id === targetServiceId).flatMap(({ replicas }) => replicas)
  const ids = [...stay, ...made].map(({ id }) => id)
  if (mode === 'every_replica') return ids
  const one = ids.find((id) => tickingReplicaIds.includes(id)) ?? ids[0]
  return one ? [one] : []
}

/** The servers of a plan's new replicas, each once, but for the one that has the image anyway. */
export function serversToPull({ services }: Pick<DeployPlan, 'services'>, builder: ServerId | null): PlannedPull[] {
  const servers = new Map(services.flatMap(({ replicas }) => replicas.map(({ serverId, serverName }) => [serverId, serverName])))
  return [...servers].flatMap(([serverId, serverName]) => (serverId === builder ? [] : [{ serverId, serverName }]))
}

const isSameSet = (some: readonly ReplicaId[], others: readonly ReplicaId[]): boolean =>
  some.length === others.length && some.every((id) => others.includes(id))
