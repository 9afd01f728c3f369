import { type EngineService, engineService, recordServices, serviceOfReplica } from '../db/engine-services.ts'
import { idOf } from '../db/ids.ts'
import { operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { liveReplicas, placementsOf, recordHealthy, replicaById } from '../db/replicas.ts'
import type { ReplicaId, ServiceId } from '../domain/ids.ts'
import { restartContainer } from '../drivers/services/restart.ts'
import { configuredService } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'

/** What a restart does: of an environment's service it is a rollout, of others the containers themselves. */
export interface PlannedRestart {
  isOfEnvironment: boolean
  replicas: readonly { id: ReplicaId; containerName: string; serverName: string }[]
}

/** A container that is to be restarted, as a step of this number. */
export interface ReplicaRestart extends OperationInput {
  order: number
  replicaId: ReplicaId
}

/** Restarts of services of which only one can run at a time: they are away for a moment. */
export function restartActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  const targetOf = async ({ operationId }: OperationInput) => idOf<ServiceId>((await operationById(db, operationId)).targetId)
  return {
    /** Fails as `service_stopped` where it does not run any more: a restart starts nothing. */
    async planRestart(operation: OperationInput): Promise<PlannedRestart> {
      const service = await engineService(db, keyring, await targetOf(operation))
      if (service.status === 'stopped' || service.status === 'removing' || service.status === 'removed') throw notRunning(service)
      if (service.environmentId !== null) return { isOfEnvironment: true, replicas: [] }
      const places = await placementsOf(db, [service.id])
      const nameOf = (serverId: string) => places.find((place) => place.serverId === serverId)?.serverName ?? serverId
      const replicas = await liveReplicas(db, [service.id])
      return {
        isOfEnvironment: false,
        replicas: replicas.map(({ id, containerName, serverId }) => ({ id, containerName, serverName: nameOf(serverId) })),
      }
    },

    /** Restarts a replica's container as it is, and returns when it is healthy. */
    async restartReplica({ operationId, order, replicaId }: ReplicaRestart): Promise<void> {
      const replica = await replicaById(db, replicaId)
      const { containerName, serverId, role } = replica
      const configured = configuredService(await serviceOfReplica(db, keyring, replica))
      const step = restartContainer({ containerName, graceSeconds: configured.stopGraceSeconds(role) })
      await runStep(deps, { operationId, order, serverId, step })
      await recordHealthy(db, replicaId)
    },

    /** The commit point of a restart: whatever was known of the service before, it runs. */
    async recordRestarted(operation: OperationInput): Promise<void> {
      const id = await targetOf(operation)
      await commitOnce(db, operation.operationId, (tx) => recordServices(tx, [id], { status: 'running' }))
    },
  }
}

const notRunning = ({ name }: EngineService) =>
  finalFailure({ code: 'service_stopped', message: `${name} was stopped meanwhile.`, hint: 'Start it instead.' })
