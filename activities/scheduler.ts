import { serviceOfReplica } from '../db/engine-services.ts'
import { recordFiles, replicaById } from '../db/replicas.ts'
import type { ReplicaId } from '../domain/ids.ts'
import { imageOf } from '../domain/images.ts'
import type { SchedulerBefore, SchedulerFacts } from '../drivers/services/contract-application.ts'
import { applicationOf } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import type { OperationInput } from './operations.ts'
import { contextOfReplica, hashesOf, ownershipOf, renderReplica } from './replica-input.ts'
import { runStep } from './remote-step.ts'

/** Which replica's scheduler is to be started or stopped. */
interface SchedulerStep extends OperationInput {
  order: number
  replicaId: ReplicaId
}

/** A scheduler that is to tick no more: one that `isKept` may still finish what runs, and is ended later. */
export interface SchedulerStop extends SchedulerStep {
  isKept: boolean
}

/** A scheduler that is to take over: from a replica on the same server, or from one elsewhere after its last minute. */
export interface SchedulerStart extends SchedulerStep {
  follows: { replicaId: ReplicaId } | { ticked: number } | null
}

/** The containers that tick (specification section 8). */
export function schedulerActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  const found = async (replicaId: ReplicaId) => {
    const replica = await replicaById(db, replicaId)
    const service = await serviceOfReplica(db, keyring, replica)
    return { replica, service, application: applicationOf(service) }
  }
  const before = async (follows: SchedulerStart['follows']): Promise<SchedulerBefore | null> => {
    if (follows === null || 'ticked' in follows) return follows
    const { replica, service } = await found(follows.replicaId)
    return { ownership: ownershipOf(service, replica) }
  }
  return {
    /**
     * Takes the charge of ticking from a replica's scheduler and, unless it `isKept`, returns when it is seen to be gone; fine
     * when the replica itself is. Answers its last minute.
     */
    async stopScheduler({ operationId, order, replicaId, isKept }: SchedulerStop): Promise<SchedulerFacts> {
      const { replica, service, application } = await found(replicaId)
      if (replica.status === 'removed') return { ticked: null }
      const owned = { ownership: ownershipOf(service, replica) }
      const step = isKept ? application.releaseScheduler(owned) : application.stopScheduler(owned)
      return runStep(deps, { operationId, order, serverId: replica.serverId, step })
    },

    /** Starts the scheduler in a running replica's project, with the replica's own image, and puts it in charge. */
    async startScheduler({ operationId, order, replicaId, follows }: SchedulerStart): Promise<void> {
      const { replica, service, application } = await found(replicaId)
      const image = imageOf(replica.imageDigest)
      const context = await contextOfReplica(deps, service, replica)
      const { input, masked } = renderReplica(context, service, replica, image)
      const step = application.startScheduler({ replica: input, follows: await before(follows) })
      await runStep(deps, { operationId, order, serverId: replica.serverId, step, masked })
      await recordFiles(db, replicaId, hashesOf(step.files))
    },
  }
}
