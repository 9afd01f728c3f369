import { recordServices } from '../db/engine-services.ts'
import { idOf } from '../db/ids.ts'
import { operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { publishRelease } from '../db/releases.ts'
import { environmentReplicas, markStopping, recordTicking } from '../db/replicas.ts'
import { type DeployPlan, type EnvironmentDeployPlan, planDeploy, type PlannedMigration, type RunningImage, serversToPull } from '../domain/deploy-plan.ts'
import type { EnvironmentId, ReplicaId, ServiceId } from '../domain/ids.ts'
import type { ReleasedService } from '../domain/releases.ts'
import { type SchedulerHandover, schedulerHandovers, type SchedulerPlace } from '../domain/scheduler.ts'
import { configuredService } from './configured-services.ts'
import { planIds, storeRollout } from './deploy-rows.ts'
import { type DeployFacts, deployFacts } from './deploy-snapshot.ts'
import type { ActivityDeps } from './deps.ts'
import type { EnvironmentReplica } from './gateway-sections.ts'
import type { OperationInput } from './operations.ts'

/** What is left to do once a deploy is committed. */
export interface Completion {
  environmentId: EnvironmentId
  handovers: readonly SchedulerHandover[]
  /** Gateways over which what retires still has requests. */
  draining: readonly { gatewayId: ServiceId; serverName: string }[]
  retiring: readonly { id: ReplicaId; serverName: string; containerName: string }[]
  /** Other servers could reach what retires. */
  closesPorts: boolean
}

/** The plan of an environment's deploy, and of it and of a rollback alike the commit point and what follows from it. */
export function deployActivities(deps: ActivityDeps) {
  const { db } = deps
  return {
    /** Computes the plan and stores it with its release, replicas and child operations; a repetition returns the stored one. */
    async planDeploy({ operationId }: OperationInput): Promise<EnvironmentDeployPlan> {
      const operation = await operationById(db, operationId)
      if (operation.plan) return operation.plan
      const facts = await deployFacts(deps, operation)
      const plan = completePlan(facts, planDeploy(facts.snapshot, planIds(operationId)))
      return storeRollout(deps, operation, { facts, plan })
    },

    /** The commit point (design section 4): release, services and what is to be retired change in one transaction. */
    async recordRelease({ operationId }: OperationInput): Promise<void> {
      await commitOnce(db, operationId, async (tx, { plan, targetId }) => {
        if (!plan) throw new Error(`operation ${operationId} has no plan`)
        const replicas = await environmentReplicas(tx, idOf<EnvironmentId>(targetId))
        const retiring = new Set(plan.services.flatMap((service) => service.retiring))
        const running = replicas.filter(({ replica }) => !retiring.has(replica.id))
        await publishRelease(tx, operationId, releasedServices(running))
        await markStopping(tx, [...retiring])
        const [image] = running.map(({ replica }) => replica.imageDigest)
        const state = { status: 'running' as const, ...(image ? { currentImageDigest: image } : {}) }
        await recordServices(tx, plan.services.map(({ id }) => id), state)
      })
    },

    /** What a committed deploy still has to do, from the rows: whoever asks, and how often. */
    async planCompletion({ operationId }: OperationInput): Promise<Completion> {
      const { plan, targetId } = await operationById(db, operationId)
      if (!plan) throw new Error(`operation ${operationId} has no plan`)
      const environmentId = idOf<EnvironmentId>(targetId)
      const replicas = await environmentReplicas(db, environmentId)
      const stopping = replicas.filter(({ replica }) => replica.status === 'stopping')
      const retiring = stopping.map(({ replica: { id, containerName }, serverName }) => ({ id, serverName, containerName }))
      const hasTraffic = stopping.some(({ replica }) => replica.traffic !== 'none')
      const gateways = new Map(plan.gateways.map(({ serviceId, serverName }) => [serviceId, serverName]))
      const draining = [...gateways].map(([gatewayId, serverName]) => ({ gatewayId, serverName }))
      const ticking = replicas.filter(({ replica }) => replica.ticks).map(schedulerPlace)
      const wanted = replicas.filter(({ replica }) => plan.schedulers.includes(replica.id)).map(schedulerPlace)
      const closesPorts = stopping.some(({ replica }) => replica.hostPort !== null)
      return { environmentId, handovers: schedulerHandovers(ticking, wanted), draining: hasTraffic ? draining : [], retiring, closesPorts }
    },

    /** The charge of ticking has passed on. */
    async recordHandover({ from, to }: SchedulerHandover): Promise<void> {
      await recordTicking(db, { from: from?.replicaId ?? null, to: to?.replicaId ?? null })
    },
  }
}

const schedulerPlace = ({ replica: { id, serverId }, serverName }: EnvironmentReplica): SchedulerPlace => ({
  ...{ replicaId: id, serverId, serverName },
})

function completePlan(facts: DeployFacts, plan: DeployPlan): EnvironmentDeployPlan {
  const { commit, environment } = facts
  const { serverId, serverName, unresolved } = facts.build
  const pulls = facts.build.storedAs === null ? [] : serversToPull(plan, serverId)
  const build = { serverId, serverName, unresolved, running: runningImage(facts, plan), pulls }
  return { ...plan, environmentId: environment.id, commit, build, migration: plannedMigration(facts, plan) }
}

/** Docker keeps the image of a running container, whoever prunes: nothing has to be asked of the server. */
function runningImage({ currentArtifact, snapshot, build }: DeployFacts, { isImageNew }: DeployPlan): RunningImage | null {
  if (isImageNew || !currentArtifact?.imageDigest) return null
  const { id: artifactId, imageDigest: reference } = currentArtifact
  const replicas = snapshot.services.flatMap(({ present }) => present)
  const runs = replicas.some((replica) => replica.serverId === build.serverId && replica.imageDigest === reference && replica.isHealthy)
  return runs ? { artifactId, reference } : null
}

/** Only the primary web service migrates, and only for a new image (specification section 17). */
function plannedMigration({ primary }: DeployFacts, { services, isImageNew }: DeployPlan): PlannedMigration | null {
  const migration = configuredService(primary).application?.migration
  const [replica] = services.find(({ id }) => id === primary.id)?.replicas ?? []
  if (!replica || !isImageNew || migration?.mode !== 'auto') return null
  return { replicaId: replica.id, serverName: replica.serverName, command: migration.command, timing: migration.timing }
}

/** What a release remembers of each service. */
function releasedServices(replicas: readonly EnvironmentReplica[]): Record<string, ReleasedService> {
  return Object.fromEntries(
    replicas.map(({ replica, serviceName }) => [
      replica.serviceId,
      { name: serviceName, imageDigest: replica.imageDigest, configHash: replica.configHash, config: replica.config },
    ]),
  )
}
