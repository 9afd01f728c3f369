import { type EngineService, engineService, recordServices } from '../db/engine-services.ts'
import { childId, idOf } from '../db/ids.ts'
import { changeFirewalls } from '../db/firewalls.ts'
import { assignHostPorts } from '../db/host-ports.ts'
import { holdRunning, operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { insertChildren } from '../db/operations/children.ts'
import type { Operation } from '../db/operations/request.ts'
import { insertReplicas, liveReplicas, placementsOf, type Placement, planStart, type Replica } from '../db/replicas.ts'
import { recordImage } from '../db/updates.ts'
import type { OperationId, ReplicaId, ServerId, ServiceId } from '../domain/ids.ts'
import { limitsAt } from '../domain/limits.ts'
import { serviceAlias } from '../domain/services.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import type { PlannedReplica } from '../domain/deploy-plan.ts'
import type { PlannedFirewall } from '../domain/firewall.ts'
import { resolveImage } from '../drivers/services/image.ts'
import { builderOf, configuredService } from './configured-services.ts'
import { replicaOperation } from './deploy-rows.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { anyHostPort, internalPorts, noImage, type ReplicaContext, renderReplica, replicaContext } from './replica-input.ts'
import { runStep } from './remote-step.ts'

/** What the deploy of a service that stands on its own will do: a database, a cache, a gateway. */
export interface StandalonePlan {
  /** Everything runs as it should already: then nothing is to be done. */
  isUnchanged: boolean
  service: { id: ServiceId; name: string }
  /** Tag, or the digest it was resolved to before; null where it runs no containers. */
  image: string | null
  replicas: readonly PlannedReplica[]
  /** Servers that are to be fit for building; plans of before there were builders have none. */
  checked?: readonly CheckedServer[]
  /** Servers on which it is now closed to all who may not reach it. */
  firewalls: readonly PlannedFirewall[]
  /** It is one of an environment's, and rolled out there: nothing of this plan is to be done. Earlier plans do not say. */
  isOfEnvironment?: boolean
  /** A gateway that was stopped: the routes that changed meanwhile are to be told to it. */
  isGatewayBack?: boolean
}

/** A server that is to be fit for what a service does on it. */
export interface CheckedServer {
  serverId: ServerId
  serverName: string
}

/** An image that is to be present on a server: a tag, or the digest it was resolved to before. */
export interface ServiceImage extends OperationInput {
  serverId: ServerId
  image: string
}

/** A server that a builder builds on. */
export interface BuilderCheck extends OperationInput {
  order: number
  serviceId: ServiceId
  serverId: ServerId
}

/** A service that runs, from the image of this digest; null where it runs no containers. */
export interface RunningService extends OperationInput {
  serviceId: ServiceId
  digest: string | null
}

/** Services that stand on their own; those of an environment are its deploy's. */
export function serviceActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  return {
    /** Stores replicas and child operations of a standalone service's deploy; says so when everything is as it should be. */
    async planService({ operationId }: OperationInput): Promise<StandalonePlan> {
      const operation = await operationById(db, operationId)
      const service = await engineService(db, keyring, idOf<ServiceId>(operation.targetId))
      const { id, name, currentImageDigest } = service
      refuseToStart(operation, service)
      if (service.environmentId !== null) return { ...checkedOnly(service, []), isOfEnvironment: true }
      const configured = configuredService(service)
      const { image } = configured
      if (image.from === 'build') throw new Error(`${name} is built and deployed with its environment`)
      const placements = await placementsOf(db, [id])
      if (image.from === 'none') {
        await db.transaction(async (tx) => {
          await holdRunning(tx, operationId)
          if (service.status === 'new') await recordServices(tx, [id], { status: 'deploying' })
        })
        return checkedOnly(service, placements)
      }
      const present = await liveReplicas(db, [id])
      const context = await replicaContext(deps, service)
      const facts = { service, context, present }
      const wanted = placements.map((place) => ({ place, row: wantedReplica(operationId, facts, place) }))
      const isUnchanged = currentImageDigest !== null && wanted.every(({ row }) => isRunning(row, present))
      const replicas = wanted.map(({ place, row }) => plannedReplica(operationId, row.id, place))
      const firewalls = await db.transaction(async (tx) => {
        const root = await holdRunning(tx, operationId)
        await insertReplicas(tx, wanted.map(({ row }) => row))
        if (isUnchanged) return []
        for (const { row } of wanted) await planStart(tx, row)
        if (internalPorts(configured, 'server').length > 0) await assignHostPorts(tx, wanted.map(({ row }) => row.id))
        await insertChildren(tx, root, replicas.map((replica) => replicaOperation({ operationId, name }, replica)))
        if (service.status === 'new') await recordServices(tx, [id], { status: 'deploying' })
        return changeFirewalls(tx, placements.map(({ serverId }) => serverId))
      })
      const isGatewayBack = operation.kind === 'service_start' && configured.gateway !== null
      return { isUnchanged, service: { id, name }, image: currentImageDigest ?? image.reference, replicas, firewalls, isGatewayBack }
    },

    /** Makes the image present on one server and returns its digest, `name@sha256:…`. */
    async resolveServiceImage({ operationId, serverId, image }: ServiceImage): Promise<{ digest: string }> {
      const order = stepNumbers.serviceDeploy.resolveImage
      const { digest } = await runStep(deps, { operationId, order, serverId, step: resolveImage(image) })
      return { digest }
    },

    /** Fails where the server lacks what a build needs. */
    async checkBuilder({ operationId, order, serviceId, serverId }: BuilderCheck): Promise<void> {
      const service = await engineService(db, keyring, serviceId)
      await runStep(deps, { operationId, order, serverId, step: builderOf(service).check() })
    },

    /** The commit point of a standalone service's deploy. */
    async recordServiceRunning({ operationId, serviceId, digest }: RunningService): Promise<void> {
      await commitOnce(db, operationId, async (tx) => {
        await recordServices(tx, [serviceId], { status: 'running' })
        if (digest !== null) await recordImage(tx, serviceId, digest)
      })
    },
  }
}

/** What was stopped or removed since its deploy was asked for stays so. */
function refuseToStart({ kind }: Operation, { name, status }: EngineService): void {
  if (status === 'removing' || status === 'removed') throw finalFailure({ code: 'service_removed', message: `${name} is removed.` })
  if (status !== 'stopped' || kind === 'service_start') return
  throw finalFailure({ code: 'service_stopped', message: `${name} was stopped meanwhile.`, hint: 'Start it instead.' })
}

/** A service without containers: all that can be done is to see whether its servers are fit. */
const checkedOnly = ({ id, name }: EngineService, placements: readonly Placement[]): StandalonePlan => ({
  ...{ isUnchanged: false, service: { id, name }, image: null, replicas: [], firewalls: [] },
  checked: placements.map(({ serverId, serverName }) => ({ serverId, serverName })),
})

interface ServiceFacts {
  service: EngineService
  context: ReplicaContext
  present: readonly Replica[]
}

/** A stateful service keeps its replica: the container behind it is replaced, the row stays. */
function wantedReplica(operationId: OperationId, { service, context, present }: ServiceFacts, { serverId, limits }: Placement) {
  const existing = present.find((replica) => replica.serverId === serverId)
  const [port] = configuredService(service).ports('server')
  const row = {
    id: existing?.id ?? childId<ReplicaId>(operationId, 'replica', service.id, serverId),
    serviceId: service.id,
    serverId,
    operationId: existing ? existing.operationId : operationId,
    role: 'server' as const,
    containerName: existing?.containerName ?? `${service.name}-${service.id.slice(-8)}`,
    imageDigest: service.currentImageDigest ?? '',
    internalHost: serviceAlias(service.id),
    internalPort: port?.containerPort ?? 80,
    status: 'starting' as const,
    ...limitsAt(limits, service),
    hostPort: existing?.hostPort ?? null,
    config: service.config,
  }
  return { ...row, configHash: renderReplica(context, service, { ...row, hostPort: anyHostPort }, noImage).configHash }
}

const isRunning = ({ id, configHash }: Pick<Replica, 'id' | 'configHash'>, present: readonly Replica[]): boolean =>
  present.some((replica) => replica.id === id && replica.configHash === configHash && replica.status === 'running' && isAsMade(replica))

const isAsMade = ({ healthStatus, isAltered }: Replica): boolean => healthStatus === 'healthy' && !isAltered

function plannedReplica(operationId: OperationId, id: ReplicaId, { serverId, serverName }: Placement): PlannedReplica {
  return { id, operationId: childId(operationId, 'replica_deploy', id), serverId, serverName, askedBy: null }
}
