import { serviceOfReplica } from '../db/engine-services.ts'
import { replicaById } from '../db/replicas.ts'
import type { ReplicaId } from '../domain/ids.ts'
import { applicationOf } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import type { OperationInput } from './operations.ts'
import { contextOfReplica, ownershipOf, renderReplica } from './replica-input.ts'
import { runStep } from './remote-step.ts'

/** Which replica's scheduler is to be started or stopped. */
export interface SchedulerStep extends OperationInput {
  order: number
  replicaId: ReplicaId
}

/** The one container that ticks (specification section 8). */
export function schedulerActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  const found = async (replicaId: ReplicaId) => {
    const replica = await replicaById(db, replicaId)
    const service = await serviceOfReplica(db, keyring, replica)
    return { replica, service, application: applicationOf(service) }
  }
  return {
    /** Ends a replica's scheduler and returns when it is seen to be gone; fine when the replica itself is. */
    async stopScheduler({ operationId, order, replicaId }: SchedulerStep): Promise<void> {
      const { replica, service, application } = await found(replicaId)
      if (replica.status === 'removed') return
      const ownership = ownershipOf(service, replica)
      const step = application.stopScheduler({ ownership, containerName: replica.containerName })
      await runStep(deps, { operationId, order, serverId: replica.serverId, step })
    },

    /** Starts the scheduler in a running replica's project, with the replica's own image. */
    async startScheduler({ operationId, order, replicaId }: SchedulerStep): Promise<void> {
      const { replica, service, application } = await found(replicaId)
      const image = { reference: replica.imageDigest, isLocal: replica.imageDigest.startsWith('sha256:') }
      const context = await contextOfReplica(deps, service, replica)
      const { input, masked } = renderReplica(context, service, replica, image)
      await runStep(deps, { operationId, order, serverId: replica.serverId, step: application.startScheduler(input), masked })
    },
  }
}
