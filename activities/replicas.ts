import { serviceOfReplica } from '../db/engine-services.ts'
import { gatewayById } from '../db/gateways.ts'
import { operationById } from '../db/operations/begin.ts'
import { warn } from '../db/operations/finish.ts'
import { recordRemoved, recordStarted, recordStopped, replicaById, type Endpoint, type Replica } from '../db/replicas.ts'
import { recordDisk, serverName } from '../db/servers.ts'
import { fullDisk } from '../domain/checks.ts'
import type { OperationId, ReplicaId, ServerId, ServiceId } from '../domain/ids.ts'
import type { ReplicaImage } from '../domain/images.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import type { Warning } from '../domain/warnings.ts'
import type { ReplicaFacts } from '../drivers/services/contract.ts'
import type { ReplicaInput } from '../drivers/services/contract-step.ts'
import { unanswered } from './asked-replicas.ts'
import { configuredService } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { contextOfReplica, hashesOf, ownershipOf, renderReplica } from './replica-input.ts'
import { runStep } from './remote-step.ts'

/** The replica that is started, and from which image. */
export interface ReplicaStart extends OperationInput {
  /** Left out: that of a `replica_deploy`. */
  order?: number
  replicaId: ReplicaId
  image: ReplicaImage
  /** The gateway on its server that asks it in the end. */
  askedBy: ServiceId | null
}

/** A replica that is to go; `of` is the operation whose user is told what was cut off. */
export interface ReplicaStop extends OperationInput {
  of: OperationId
  order: number
  replicaId: ReplicaId
  /** Its row stays, for it may be started again. */
  isKept?: boolean
}

/** Containers of services: one replica at a time. */
export function replicaActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  const noteDisk = async (operationId: OperationId, serverId: ServerId, { lowDiskMb }: ReplicaFacts) => {
    await recordDisk(db, serverId, lowDiskMb)
    if (lowDiskMb === null) return
    const { rootId } = await operationById(db, operationId)
    await warn(db, rootId, fullDisk({ serverName: await serverName(db, serverId), freeMb: lowDiskMb }))
  }
  return {
    /**
     * Starts a replica, in the place of the container that it has, waits until it is healthy, has it asked by the gateway of its server, and stores what
     * was read back from Docker. Fails as `replica_not_reachable` where the gateway gets no answer.
     */
    async startReplica({ operationId, order = stepNumbers.replicaDeploy.start, replicaId, image, askedBy }: ReplicaStart): Promise<void> {
      const replica = await replicaById(db, replicaId)
      const service = await serviceOfReplica(db, keyring, replica)
      const context = await contextOfReplica(deps, service, replica)
      const { configured, input, configHash, masked } = renderReplica(context, service, replica, image)
      const gateway = askedBy && (await gatewayById(db, askedBy)).containerName
      const step = configured.startReplica({ ...input, gateway })
      const { serverId } = replica
      const work = { operationId, order, serverId, step, masked }
      const facts = await runStep(deps, work).catch((error: unknown) => {
        throw unanswered(error) ?? error
      })
      if (image.isLocal && facts.imageId !== image.reference) throw wrongImage(replica, facts.imageId, image.reference)
      await noteDisk(operationId, serverId, facts)
      const { cpuLimit: runningCpuLimit, memoryLimitMb: runningMemoryLimitMb } = facts.limits
      const footprint = { files: hashesOf(step.files), containers: step.containers }
      const started = { containerId: facts.containerId, imageDigest: image.reference, configHash, runningCpuLimit, runningMemoryLimitMb, footprint }
      await recordStarted(db, replicaId, started, endpointsOf(replica, { facts, input }))
    },

    /** Stops a replica gracefully and removes its container and folder; fine when it is gone. What was cut off is a warning. */
    async stopReplica({ operationId, of, order, replicaId, isKept = false }: ReplicaStop): Promise<void> {
      const replica = await replicaById(db, replicaId)
      const { serverId, containerName, role } = replica
      if (replica.status === 'removed' || replica.status === 'stopped') return
      const service = await serviceOfReplica(db, keyring, replica)
      const ownership = ownershipOf(service, replica)
      const configured = configuredService(service)
      const step = configured.stopReplica({ ownership, containerName, role })
      const { killed } = await runStep(deps, { operationId, order, serverId, step })
      for (const name of killed) await warn(db, of, cutOff(replica, name, configured.stopGraceSeconds(role)))
      await (isKept ? recordStopped : recordRemoved)(db, replicaId)
    },
  }
}

/** What a user is told when a container of a replica did not end in its time; beside the replica stand its worker and scheduler. */
export function cutOff({ containerName, role }: Pick<Replica, 'containerName' | 'role'>, killed: string, graceSeconds: number): Warning {
  const work = { web: 'requests', worker: 'a job', websocket: 'connections', server: 'what it did' }[role]
  const interrupted = killed === containerName ? work : 'a job or task'
  return { code: 'requests_cut_off', message: `${killed} was killed at the end of its ${graceSeconds} s: ${interrupted} may have been interrupted.` }
}

function wrongImage({ containerName }: Replica, actual: string, wanted: string) {
  const hint = 'Somebody started this container by hand: remove it and deploy again.'
  return finalFailure({ code: 'wrong_image', message: `${containerName} runs image ${actual} instead of ${wanted}.`, hint })
}

/** On each of its networks a replica is known by its alias, elsewhere by an address of its server, the private one first (specification section 14). */
function endpointsOf(
  { serviceId, internalHost, internalPort }: Replica,
  { facts, input }: { facts: ReplicaFacts; input: ReplicaInput },
): Endpoint[] {
  const [ipAddress] = Object.values(facts.addresses)
  const near = { scope: 'docker_network', hostname: internalHost, ipAddress, port: internalPort, priority: 10 } as const
  const far = input.publish.map(({ address, hostPort, isPublic }) => ({
    ...{ scope: isPublic ? 'public' : 'private_network', priority: isPublic ? 30 : 20 } as const,
    ...{ hostname: address, ipAddress: address, port: hostPort },
  }))
  return [near, ...far].map((place) => ({ ...place, serviceId, healthStatus: 'healthy' }))
}
