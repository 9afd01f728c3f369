import type { OperationInput } from '../activities/operations.ts'
import type { ReplicaImage } from '../activities/replica-input.ts'
import type { PlannedReplica } from '../domain/deploy-plan.ts'
import { untilCommitted } from './converge.ts'
import { asOperation, runChild, together } from './operation.ts'
import { control, watch } from './proxies.ts'

export interface ServiceDeployInput extends OperationInput {
  /** Given by an environment's deploy, which has planned and built; a standalone service does both itself. */
  planned?: PlannedServiceDeploy
}

export interface PlannedServiceDeploy {
  name: string
  replicas: readonly PlannedReplica[]
  image: ReplicaImage
}

/** Deploys the replicas of one service: as part of its environment, or a standalone database, cache or gateway. */
export async function service_deploy({ operationId, planned }: ServiceDeployInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    if (!planned) return deployStandalone({ operationId })
    await startReplicas(planned)
    return 'deployed'
  })
}

async function deployStandalone(input: OperationInput): Promise<string> {
  const { isUnchanged, service, image, replicas } = await control.planService(input)
  if (isUnchanged) return 'unchanged'
  const { operationId } = input
  await untilCommitted({ operationId, of: operationId }, async () => {
    let digest = image
    for (const { serverId, serverName } of replicas) {
      const resolve = { operationId, serverId, image: digest }
      const resolved = await watch.resolveServiceImage.executeWithOptions({ summary: `pull ${digest} on ${serverName}` }, [resolve])
      digest = resolved.digest
    }
    await startReplicas({ name: service.name, replicas, image: { reference: digest, isLocal: false } })
    await control.recordServiceRunning({ operationId, serviceId: service.id, digest })
  })
  return 'deployed'
}

async function startReplicas({ name, replicas, image }: PlannedServiceDeploy): Promise<void> {
  await together(replicas, ({ id, operationId, serverName }) =>
    runChild('replica_deploy', operationId, { replicaId: id, serverName, image }, `start ${name} on ${serverName}`),
  )
}
