import type { DeployPlan, KeptService, PlannedGateway, PlannedService, ServiceReason } from './deploy-plan.ts'
import type { DeploySnapshot, PresentReplica, SnapshotService, WantedReplica } from './deploy-snapshot.ts'
import type { OperationId, ReplicaId, ServerId, ServiceId } from './ids.ts'
import { planWarnings } from './plan-warnings.ts'

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
  return { isUnchanged, services, kept, gateways, isImageNew, schedulers, warnings: planWarnings(snapshot, schedulers) }
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
    return snapshot.gateways.map(({ serviceId, serverId, serverName }) => ({
      ...{ serviceId, serverId, serverName, batch, operationId: ids.operation('gateway_cutover', inBatch(serviceId, batch)) },
      asks: web.filter((replica) => replica.serverId !== serverId).map(({ id }) => id),
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

const isSameSet = (some: readonly ReplicaId[], others: readonly ReplicaId[]): boolean =>
  some.length === others.length && some.every((id) => others.includes(id))
