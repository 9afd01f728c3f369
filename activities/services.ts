import { type EngineService, engineService, recordServices } from '../db/engine-services.ts'
import { childId, idOf } from '../db/ids.ts'
import { holdRunning, operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { insertChildren } from '../db/operations/children.ts'
import { insertReplicas, liveReplicas, placementsOf, type Placement, type Replica } from '../db/replicas.ts'
import type { OperationId, ReplicaId, ServerId, ServiceId } from '../domain/ids.ts'
import { serviceAlias } from '../domain/services.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import type { PlannedReplica } from '../domain/deploy-plan.ts'
import { resolveImage } from '../drivers/services/image.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ActivityDeps } from './deps.ts'
import type { OperationInput } from './operations.ts'
import { noImage, renderReplica, replicaContext } from './replica-input.ts'
import { runStep } from './remote-step.ts'

/** A service that stands on its own: a database, a cache, a gateway. */
export interface StandalonePlan {
  isUnchanged: boolean
  service: { id: ServiceId; name: string }
  /** Tag, or the digest it was resolved to before. */
  image: string
  replicas: readonly PlannedReplica[]
}

export function serviceActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  return {
    /** Stores replicas and child operations of a standalone service's deploy; says so when everything is as it should be. */
    async planService({ operationId }: OperationInput): Promise<StandalonePlan> {
      const operation = await operationById(db, operationId)
      const service = await engineService(db, keyring, idOf<ServiceId>(operation.targetId))
      const driver = serviceDriver(service.driverName)
      const { image } = driver.configured(service.config)
      if (image.from !== 'registry') throw new Error(`${service.name} is built and deployed with its environment`)
      const placements = await placementsOf(db, [service.id])
      const present = await liveReplicas(db, [service.id])
      const wanted = placements.map((placement) => wantedReplica(operationId, service, placement, present))
      const context = await replicaContext(deps, service.environmentId)
      const hashed = wanted.map((replica) => ({ ...replica, configHash: renderReplica(context, service, replica, noImage).configHash }))
      const isUnchanged = service.currentImageDigest !== null && hashed.every((replica) => isRunning(replica, present))
      const replicas = hashed.map(({ id, serverId }) => plannedReplica(operationId, id, serverId, placements))
      await db.transaction(async (tx) => {
        const root = await holdRunning(tx, operationId)
        await insertReplicas(tx, hashed)
        await insertChildren(tx, root, isUnchanged ? [] : replicas.map((replica) => replicaOperation(operationId, service, replica)))
        if (!isUnchanged && service.status === 'new') await recordServices(tx, [service.id], { status: 'deploying' })
      })
      const { id, name } = service
      return { isUnchanged, service: { id, name }, image: service.currentImageDigest ?? image.reference, replicas }
    },

    /** Makes the image present on one server and returns its digest, `name@sha256:…`. */
    async resolveServiceImage(input: OperationInput & { serverId: ServerId; image: string }): Promise<{ digest: string }> {
      const { operationId, serverId, image } = input
      const order = stepNumbers.serviceDeploy.resolveImage
      const { digest } = await runStep(deps, { operationId, order, serverId, step: resolveImage(image) })
      return { digest }
    },

    /** The commit point of a standalone service's deploy. */
    async recordServiceRunning({ operationId, serviceId, digest }: OperationInput & { serviceId: ServiceId; digest: string }): Promise<void> {
      await commitOnce(db, operationId, (tx) => recordServices(tx, [serviceId], { status: 'running', currentImageDigest: digest }))
    },
  }
}

/** A stateful service keeps its replica: the container behind it is replaced, the row stays. */
function wantedReplica(operationId: OperationId, service: EngineService, { serverId }: Placement, present: readonly Replica[]) {
  const existing = present.find((replica) => replica.serverId === serverId)
  const id = existing?.id ?? childId<ReplicaId>(operationId, 'replica', service.id, serverId)
  const driver = serviceDriver(service.driverName)
  const [port] = driver.configured(service.config).ports('server')
  return {
    id,
    serviceId: service.id,
    serverId,
    operationId: existing ? existing.operationId : operationId,
    role: 'server' as const,
    containerName: existing?.containerName ?? `${service.name}-${service.id.slice(-8)}`,
    imageDigest: service.currentImageDigest ?? '',
    internalHost: serviceAlias(service.id),
    internalPort: port?.containerPort ?? 80,
    status: 'starting' as const,
    cpuLimit: existing?.cpuLimit ?? null,
    memoryLimitMb: existing?.memoryLimitMb ?? null,
    config: service.config,
  }
}

const isRunning = ({ id, configHash }: { id: ReplicaId; configHash: string }, present: readonly Replica[]) =>
  present.some((replica) => replica.id === id && replica.configHash === configHash && replica.status === 'running')

function plannedReplica(operationId: OperationId, id: ReplicaId, serverId: ServerId, placements: readonly Placement[]): PlannedReplica {
  const serverName = placements.find((placement) => placement.serverId === serverId)?.serverName ?? serverId
  return { id, operationId: childId(operationId, 'replica_deploy', id), serverId, serverName }
}

const replicaOperation = (parentId: OperationId, { name }: EngineService, { id, operationId, serverName }: PlannedReplica) => ({
  id: operationId,
  parentId,
  kind: 'replica_deploy' as const,
  targetType: 'replica' as const,
  targetId: id,
  summary: `start ${name} on ${serverName}`,
})
