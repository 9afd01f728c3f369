import { z } from 'zod'
import { childId, idOf } from '../db/ids.ts'
import { holdRunning, operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { type ChildOperation, insertChildren, storePlan } from '../db/operations/children.ts'
import { environmentToDeploy, insertRelease, recordScheduler } from '../db/releases.ts'
import { recordServices } from '../db/engine-services.ts'
import { environmentReplicas, insertReplicas, markStopping } from '../db/replicas.ts'
import { variablesOf } from '../db/variables.ts'
import { type EnvironmentDeployPlan, planDeploy, type PlanIds, type PlannedMigration, type PlannedService } from '../domain/deploy-plan.ts'
import type { ArtifactId, EnvironmentId, OperationId, ReplicaId } from '../domain/ids.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ActivityDeps } from './deps.ts'
import { type DeployFacts, deployFacts, plannedRow } from './deploy-snapshot.ts'
import type { OperationInput } from './operations.ts'

/** `operations.input` of an `environment_deploy`. */
const deployRequested = z.object({ commit: z.string() })

/** What is left to do once a deploy is committed. */
export interface Completion {
  environmentId: EnvironmentId
  scheduler: { from: ReplicaId | null; to: ReplicaId | null }
  retiring: readonly { id: ReplicaId; serverName: string; containerName: string; hadTraffic: boolean }[]
}

/** The plan of an environment's deploy, its commit point and what follows from it. */
export function deployActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  return {
    /** Computes the plan and stores it with its replicas and child operations; a repetition returns the stored one. */
    async planDeploy({ operationId }: OperationInput): Promise<EnvironmentDeployPlan> {
      const operation = await operationById(db, operationId)
      if (operation.plan) return operation.plan
      const { commit } = deployRequested.parse(operation.input)
      const facts = await deployFacts(deps, idOf<EnvironmentId>(operation.targetId), commit)
      const plan = completePlan(facts, commit, planDeploy(facts.snapshot, planIds(operationId)))
      await db.transaction(async (tx) => {
        const root = await holdRunning(tx, operationId)
        await storePlan(tx, operationId, plan)
        await insertReplicas(tx, plan.services.flatMap(({ id, replicas }) => replicas.map((replica) => plannedRow(facts, operationId, id, pick(replica)))))
        await insertChildren(tx, root, plannedOperations(operationId, plan))
      })
      return plan
    },

    /**
     * The commit point (design section 4): release, services and what is to be retired change in one transaction.
     */
    async recordRelease({ operationId, artifactId }: OperationInput & { artifactId: ArtifactId }): Promise<void> {
      await commitOnce(db, operationId, async (tx, { plan, targetId, trigger }) => {
        if (!plan) throw new Error(`operation ${operationId} has no plan`)
        const environmentId = idOf<EnvironmentId>(targetId)
        const replicas = await environmentReplicas(tx, environmentId)
        const retiring = new Set(plan.services.flatMap((service) => service.retiring))
        const running = replicas.filter(({ replica }) => !retiring.has(replica.id))
        const variables = (await variablesOf(tx, keyring, environmentId)).filter(({ source }) => source === 'user')
        await insertRelease(tx, {
          environmentId,
          operationId,
          artifactId,
          services: releasedServices(running),
          variableVersions: Object.fromEntries(variables.map(({ key, version }) => [key, version])),
          trigger,
        })
        await markStopping(tx, [...retiring])
        const [image] = running.map(({ replica }) => replica.imageDigest)
        await recordServices(tx, plan.services.map(({ id }) => id), { status: 'running', ...(image ? { currentImageDigest: image } : {}) })
      })
    },

    /** What a committed deploy still has to do, from the rows: whoever asks, and how often. */
    async planCompletion({ operationId }: OperationInput): Promise<Completion> {
      const { plan, targetId } = await operationById(db, operationId)
      if (!plan) throw new Error(`operation ${operationId} has no plan`)
      const environmentId = idOf<EnvironmentId>(targetId)
      const replicas = await environmentReplicas(db, environmentId)
      const stopping = replicas.filter(({ replica }) => replica.status === 'stopping')
      const { environment } = await environmentToDeploy(db, environmentId)
      const retiring = stopping.map(({ replica, serverName }) => ({
        ...{ id: replica.id, serverName, containerName: replica.containerName },
        hadTraffic: replica.traffic !== 'none',
      }))
      return { environmentId, scheduler: { from: environment.schedulerReplicaId, to: plan.scheduler }, retiring }
    },

    async recordScheduler({ environmentId, replicaId }: { environmentId: EnvironmentId; replicaId: ReplicaId | null }): Promise<void> {
      await recordScheduler(db, environmentId, replicaId)
    },
  }
}

const pick = ({ id, serverId }: PlannedService['replicas'][number]) => ({ id, serverId })

const planIds = (operationId: OperationId): PlanIds => ({
  replica: (serviceId, serverId, index) => childId(operationId, 'replica', serviceId, serverId, `${index}`),
  operation: (kind, targetId) => childId(operationId, kind, targetId),
})

function completePlan(facts: DeployFacts, commit: string, plan: ReturnType<typeof planDeploy>): EnvironmentDeployPlan {
  const { serverId, serverName, unresolved } = facts.build
  return { ...plan, environmentId: facts.environment.id, commit, build: { serverId, serverName, unresolved }, migration: plannedMigration(facts, plan) }
}

/** Only the primary web service migrates, and only for a new image (specification section 17). */
function plannedMigration({ primary }: DeployFacts, plan: ReturnType<typeof planDeploy>): PlannedMigration | null {
  const migration = serviceDriver(primary.driverName).configured(primary.config).application?.migration
  const [replica] = plan.services.find(({ id }) => id === primary.id)?.replicas ?? []
  if (!replica || !plan.isImageNew || migration?.mode !== 'auto') return null
  return { replicaId: replica.id, serverName: replica.serverName, command: migration.command, timing: migration.timing }
}

function plannedOperations(operationId: OperationId, { services, gateways }: EnvironmentDeployPlan): ChildOperation[] {
  const parent = { parentId: operationId }
  return [
    ...services.flatMap((service) => [
      { ...parent, id: service.operationId, kind: 'service_deploy' as const, targetType: 'service' as const, targetId: service.id, summary: `deploy ${service.name}` },
      ...service.replicas.map((replica) => ({
        ...{ parentId: service.operationId, id: replica.operationId, kind: 'replica_deploy' as const, targetType: 'replica' as const },
        ...{ targetId: replica.id, summary: `start ${service.name} on ${replica.serverName}` },
      })),
    ]),
    ...gateways.map((gateway) => ({
      ...{ ...parent, id: gateway.operationId, kind: 'gateway_cutover' as const, targetType: 'service' as const },
      ...{ targetId: gateway.serviceId, summary: `switch traffic on ${gateway.serverName}` },
    })),
  ]
}

/** What a release remembers of each service. */
function releasedServices(replicas: Awaited<ReturnType<typeof environmentReplicas>>): Record<string, unknown> {
  return Object.fromEntries(
    replicas.map(({ replica, serviceName }) => [
      replica.serviceId,
      { name: serviceName, imageDigest: replica.imageDigest, configHash: replica.configHash, config: replica.config },
    ]),
  )
}
