import { engineService } from '../db/engine-services.ts'
import { replicaById } from '../db/replicas.ts'
import type { ReplicaId } from '../domain/ids.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ActivityDeps } from './deps.ts'
import type { OperationInput } from './operations.ts'
import { renderReplica, replicaContext } from './replica-input.ts'
import { runStep } from './remote-step.ts'

export interface SchedulerStep extends OperationInput {
  order: number
  replicaId: ReplicaId
}

/** The one container that ticks (specification section 8). */
export function schedulerActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  const found = async (replicaId: ReplicaId) => {
    const replica = await replicaById(db, replicaId)
    const service = await engineService(db, keyring, replica.serviceId)
    const { application } = serviceDriver(service.driverName).configured(service.config)
    if (!application) throw new Error(`${service.name} has no scheduler`)
    return { replica, service, application }
  }
  return {
    /** Returns when the old scheduler is seen to be gone. */
    async stopScheduler({ operationId, order, replicaId }: SchedulerStep): Promise<void> {
      const { replica, service, application } = await found(replicaId)
      if (replica.status === 'removed') return
      const { organisationId, environmentId, id: serviceId } = service
      const ownership = { organisationId, environmentId, serviceId, replicaId, operationId: replica.operationId ?? '' }
      const step = application.stopScheduler({ ownership, containerName: replica.containerName })
      await runStep(deps, { operationId, order, serverId: replica.serverId, step })
    },

    async startScheduler({ operationId, order, replicaId }: SchedulerStep): Promise<void> {
      const { replica, service, application } = await found(replicaId)
      const image = { reference: replica.imageDigest, isLocal: replica.imageDigest.startsWith('sha256:') }
      const { input, masked } = renderReplica(await replicaContext(deps, service.environmentId), service, replica, image)
      await runStep(deps, { operationId, order, serverId: replica.serverId, step: application.startScheduler(input), masked })
    },
  }
}
