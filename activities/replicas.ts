import { serviceOfReplica } from '../db/engine-services.ts'
import { recordRemoved, recordStarted, replicaById, type Endpoint, type Replica } from '../db/replicas.ts'
import type { ReplicaId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import type { ReplicaFacts } from '../drivers/services/contract.ts'
import { configuredService } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { contextOfReplica, ownershipOf, type ReplicaImage, renderReplica } from './replica-input.ts'
import { runStep } from './remote-step.ts'

/** The replica that a `replica_deploy` starts, and from which image. */
export interface ReplicaStart extends OperationInput {
  replicaId: ReplicaId
  image: ReplicaImage
}

/** A replica that is to go. */
export interface ReplicaStop extends OperationInput {
  order: number
  replicaId: ReplicaId
}

/** Containers of services: one replica at a time. */
export function replicaActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  return {
    /** Starts the replica of a `replica_deploy`, waits until it is healthy, and stores what was read back from Docker. */
    async startReplica({ operationId, replicaId, image }: ReplicaStart): Promise<void> {
      const replica = await replicaById(db, replicaId)
      const service = await serviceOfReplica(db, keyring, replica)
      const context = await contextOfReplica(deps, service, replica)
      const { configured, input, configHash, masked } = renderReplica(context, service, replica, image)
      const step = configured.startReplica(input)
      const { serverId } = replica
      const facts = await runStep(deps, { operationId, order: stepNumbers.replicaDeploy.start, serverId, step, masked })
      if (image.isLocal && facts.imageId !== image.reference) throw wrongImage(replica, facts.imageId, image.reference)
      const started = { containerId: facts.containerId, imageDigest: image.reference, configHash }
      await recordStarted(db, replicaId, started, endpointsOf(replica, facts))
    },

    /** Stops a replica gracefully and removes its container and folder; fine when it is gone. */
    async stopReplica({ operationId, order, replicaId }: ReplicaStop): Promise<void> {
      const replica = await replicaById(db, replicaId)
      const { serverId, containerName, role } = replica
      if (replica.status === 'removed') return
      const service = await serviceOfReplica(db, keyring, replica)
      const ownership = ownershipOf(service, replica)
      const step = configuredService(service).stopReplica({ ownership, containerName, role })
      await runStep(deps, { operationId, order, serverId, step })
      await recordRemoved(db, replicaId)
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
  const place = { scope: 'docker_network', hostname: internalHost, ipAddress, port: internalPort } as const
  return [{ ...place, serviceId, priority: 10, healthStatus: 'healthy' }]
}
