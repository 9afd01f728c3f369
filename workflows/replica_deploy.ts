import type { OperationInput } from '../activities/operations.ts'
import type { ReplicaId, ServiceId } from '../domain/ids.ts'
import type { ReplicaImage } from '../domain/images.ts'
import { asOperation } from './operation.ts'
import { watch } from './proxies.ts'

/** Given by the service's deploy, which has stored the replica's row. */
export interface ReplicaDeployInput extends OperationInput {
  replicaId: ReplicaId
  /** Of the service. */
  name: string
  serverName: string
  image: ReplicaImage
  /** The gateway on its server that asks it in the end. */
  askedBy: ServiceId | null
}

/** Starts one container of a service on one server and waits until it is healthy. */
export async function replica_deploy({ name, serverName, ...start }: ReplicaDeployInput): Promise<void> {
  const { operationId } = start
  await asOperation({ operationId }, async () => {
    const summary = `start ${name} on ${serverName}`
    await watch.startReplica.executeWithOptions({ summary }, [start])
    return 'running'
  })
}
