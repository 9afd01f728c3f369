import { recordServices } from '../db/engine-services.ts'
import { operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { publishRelease } from '../db/releases.ts'
import { hasDetached } from '../db/slice-uses.ts'
import { environmentReplicas, markStopping, recordTicking } from '../db/replicas.ts'
import { type DeployPlan, type EnvironmentDeployPlan, type PlannedCommand, type PlannedMigration, type PlannedReplica, type RunningImage, serversToPull } from '../domain/deploy-plan.ts'
import type { PlanIds } from '../domain/plan-deploy.ts'
import type { EnvironmentId, ReplicaId, ServerId, ServiceId } from '../domain/ids.ts'
import { isRollout } from '../domain/operations.ts'
import type { ReleasedService } from '../domain/releases.ts'
import { type SchedulerHandover, schedulerHandovers, type SchedulerPlace } from '../domain/scheduler.ts'
import { applicationOf, configuredService } from './configured-services.ts'
import { planIds, type Planned, type Planning, storeRollout } from './deploy-rows.ts'
import { type BuiltDeployFacts, type DeployFacts, deployFacts, changedSince, isBuilt } from './deploy-snapshot.ts'
import type { ActivityDeps, PlanningDeps } from './deps.ts'
import type { EnvironmentReplica } from './gateway-sections.ts'
import type { OperationInput } from './operations.ts'
import { planRollout } from './plan-rollout.ts'

/** What is left to do once a deploy is committed. */
export interface Completion {
  environmentId: EnvironmentId
  handovers: readonly SchedulerHandover[]
  /** Gateways over which what retires still has requests. */
  draining: readonly { gatewayId: ServiceId; serverName: string }[]
  retiring: readonly { id: ReplicaId; serverName: string; containerName: string }[]
  /** Other servers could reach what retires, or what retires could reach what was detached. */
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
      return storeRollout(deps, operation, await plannedDeploy(deps, operation, planIds(operationId)))
    },

    /** The commit point (design section 4): release (where it is one), services and what is to be retired change in one transaction. */
    async recordRelease({ operationId }: OperationInput): Promise<void> {
      await commitOnce(db, operationId, async (tx, { plan, kind }) => {
        if (!plan) throw new Error(`operation ${operationId} has no plan`)
        const replicas = await environmentReplicas(tx, plan.environmentId)
        const retiring = new Set(plan.services.flatMap((service) => service.retiring))
        const running = replicas.filter(({ replica }) => !retiring.has(replica.id))
        if (isRollout(kind)) await publishRelease(tx, operationId, releasedServices(running))
        await markStopping(tx, [...retiring])
        const deployed = running.filter(({ replica }) => plan.services.some(({ id }) => id === replica.serviceId))
        const [image] = deployed.map(({ replica }) => replica.imageDigest)
        const state = { status: 'running' as const, ...(image ? { currentImageDigest: image } : {}) }
        await recordServices(tx, plan.services.map(({ id }) => id), state)
      })
    },

    /** What a committed deploy still has to do, from the rows: whoever asks, and how often. */
    async planCompletion({ operationId }: OperationInput): Promise<Completion> {
      const { plan } = await operationById(db, operationId)
      if (!plan) throw new Error(`operation ${operationId} has no plan`)
      const { environmentId } = plan
      const replicas = await environmentReplicas(db, environmentId)
      const stopping = replicas.filter(({ replica }) => replica.status === 'stopping')
      const retiring = stopping.map(({ replica: { id, containerName }, serverName }) => ({ id, serverName, containerName }))
      const hasTraffic = stopping.some(({ replica }) => replica.traffic !== 'none')
      const gateways = new Map(plan.gateways.map(({ serviceId, serverName }) => [serviceId, serverName]))
      const draining = [...gateways].map(([gatewayId, serverName]) => ({ gatewayId, serverName }))
      const ticking = replicas.filter(({ replica }) => replica.ticks).map(schedulerPlace)
      const wanted = replicas.filter(({ replica }) => plan.schedulers.includes(replica.id)).map(schedulerPlace)
      const closesPorts = stopping.some(({ replica }) => replica.hostPort !== null) || (await hasDetached(db, environmentId))
      return { environmentId, handovers: schedulerHandovers(ticking, wanted), draining: hasTraffic ? draining : [], retiring, closesPorts }
    },

    /** The charge of ticking has passed on. */
    async recordHandover({ from, to }: SchedulerHandover): Promise<void> {
      await recordTicking(db, { from: from?.replicaId ?? null, to: to?.replicaId ?? null })
    },
  }
}

/** What a deploy will do, from what there is at this moment; nothing is stored. */
export async function plannedDeploy(deps: PlanningDeps, deploy: Planning, ids: PlanIds): Promise<Planned> {
  const facts = await deployFacts(deps, deploy)
  const plan = completePlan(facts, planRollout(facts.snapshot, ids))
  return { facts, plan, ...('given' in facts.source ? { given: facts.source.given } : {}) }
}

const schedulerPlace = ({ replica: { id, serverId }, serverName }: EnvironmentReplica): SchedulerPlace => ({
  ...{ replicaId: id, serverId, serverName },
})

function completePlan(facts: DeployFacts, plan: DeployPlan): EnvironmentDeployPlan {
  const { commit, environment } = facts
  const build = isBuilt(facts) ? plannedBuild(facts, plan) : nothingToBuild(facts, plan)
  const commands = plannedCommands(facts, plan)
  return { ...plan, environmentId: environment.id, commit, build, migration: plannedMigration(facts, plan), commands, variables: changedSince(facts) }
}

/** Where the image is built, unless it runs already. One that is stored in a registry is pulled by all that have not built it; what is for several platforms, by all. */
function plannedBuild(facts: BuiltDeployFacts, plan: DeployPlan): EnvironmentDeployPlan['build'] {
  const { serverId, serverName, builder, platforms, unresolved, storedAs } = facts.source
  const running = runningImage(facts, plan)
  const isThere = platforms.length === 1 && (running === null || runsOn(facts, running, serverId))
  const pulls = storedAs === null ? [] : serversToPull(plan, isThere ? serverId : null)
  return { serverId, serverName, builder, platforms, unresolved, running, pulls }
}

/** An image that was built elsewhere: every server pulls it. It becomes an artifact of the environment when the plan is stored. */
const nothingToBuild = ({ placement: { serverId, serverName } }: DeployFacts, plan: DeployPlan): EnvironmentDeployPlan['build'] => ({
  ...{ serverId, serverName, unresolved: [], running: null, pulls: serversToPull(plan, null) },
})

/** Docker keeps the image of a running container, whoever prunes, and a registry has it for the other servers: nothing has to be asked. */
function runningImage(facts: BuiltDeployFacts, { isImageNew }: DeployPlan): RunningImage | null {
  const { currentArtifact, source } = facts
  if (isImageNew || !currentArtifact?.imageDigest) return null
  const running = { artifactId: currentArtifact.id, reference: currentArtifact.imageDigest }
  return runsOn(facts, running, source.storedAs === null ? source.serverId : null) ? running : null
}

/** On this server, or null: on any. */
function runsOn({ snapshot }: BuiltDeployFacts, { reference }: RunningImage, serverId: ServerId | null): boolean {
  const replicas = snapshot.services.flatMap(({ present }) => present)
  return replicas.some((replica) => (serverId ?? replica.serverId) === replica.serverId && replica.imageDigest === reference && replica.isHealthy)
}

/**
 * The primary web service migrates, and only for a new image (specification section 17); where that is stopped, its migration is run
 * beside another service, for these have the new image.
 */
function plannedMigration({ primary }: DeployFacts, { services, isImageNew }: DeployPlan): PlannedMigration | null {
  const migration = configuredService(primary).application?.migration
  const replica = oneOffPlace(primary, { services, isImageNew })
  if (!replica || !isImageNew || migration?.mode !== 'auto') return null
  return { replicaId: replica.id, serverName: replica.serverName, command: migration.command, timing: migration.timing }
}

/** Beside which new replica the primary service's commands are run; another one's where it is stopped, for all have the one image. */
function oneOffPlace(primary: DeployFacts['primary'], { services, isImageNew }: Pick<DeployPlan, 'services' | 'isImageNew'>): PlannedReplica | undefined {
  const own = services.filter(({ id }) => id === primary.id)
  return (own.length === 0 && isImageNew ? services : own).flatMap(({ replicas }) => replicas)[0]
}

/** Whatever of the primary service is new: its image, or what it is given. */
function plannedCommands({ primary }: DeployFacts, plan: DeployPlan): PlannedCommand[] {
  const { commands } = applicationOf(primary)
  const replica = oneOffPlace(primary, plan)
  if (!replica) return []
  const place = { replicaId: replica.id, serverName: replica.serverName }
  const named = (timing: 'pre_switch' | 'post_switch') =>
    commands[timing].map((command, index) => ({ ...place, timing, command, name: `${timing.replace('_', '-')} command ${index + 1}` }))
  return [...named('pre_switch'), ...named('post_switch')]
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
