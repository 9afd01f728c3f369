import { engineService } from '../db/engine-services.ts'
import { recordRemoved, recordStarted, replicaById, type Endpoint, type Replica } from '../db/replicas.ts'
import type { ReplicaId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import type { ReplicaFacts } from '../drivers/services/contract.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { type ReplicaImage, renderReplica, replicaContext } from './replica-input.ts'
import { runStep } from './remote-step.ts'

/** Containers of services: one replica at a time. */
export function replicaActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  return {
    /** Starts the replica that a `replica_deploy` is for, waits until it is healthy, and stores what was read back from Docker. */
    async startReplica({ operationId, replicaId, image }: OperationInput & { replicaId: ReplicaId; image: ReplicaImage }): Promise<void> {
      const replica = await replicaById(db, replicaId)
      const service = await engineService(db, keyring, replica.serviceId)
      const context = await replicaContext(deps, service.environmentId)
      const { configured, input, configHash, masked } = renderReplica(context, service, replica, image)
      const step = configured.startReplica(input)
      const facts = await runStep(deps, { operationId, order: stepNumbers.replicaDeploy.start, serverId: replica.serverId, step, masked })
      const { containerId, imageId } = facts
      if (image.isLocal && imageId !== image.reference) throw wrongImage(replica, imageId, image.reference)
      await recordStarted(db, replicaId, { containerId, imageDigest: image.reference, configHash }, endpointsOf(replica, facts))
    },

    /** Stops a replica gracefully and removes its container and folder; fine when it is gone. */
    async stopReplica({ operationId, order, replicaId }: OperationInput & { order: number; replicaId: ReplicaId }): Promise<void> {
      const { id, serviceId, serverId, status, containerName, role, operationId: madeBy } = await replicaById(db, replicaId)
      if (status === 'removed') return
      const { organisationId, environmentId, driverName, config } = await engineService(db, keyring, serviceId)
      const ownership = { organisationId, environmentId, serviceId, replicaId: id, operationId: madeBy ?? '' }
      const step = serviceDriver(driverName).configured(config).stopReplica({ ownership, containerName, role })
      await runStep(deps, { operationId, order, serverId, step })
      await recordRemoved(db, id)
    },
  }
}

function wrongImage({ containerName }: Replica, actual: string, wanted: string) {
  const hint = 'Somebody started this container by hand: remove it and deploy again.'
  return finalFailure({ code: 'wrong_image', message: `${containerName} runs image ${actual} instead of ${wanted}.`, hint })
}

/** On each of its networks a replica is known by its alias. */
function endpointsOf({ serviceId, internalHost, internalPort }: Replica, { addresses }: ReplicaFacts): Endpoint[] {
  const [ipAddress] = Object.values(addresses)
  return [{ serviceId, scope: 'docker_network', hostname: internalHost, ipAddress, port: internalPort, priority: 10, healthStatus: 'healthy' }]
}
