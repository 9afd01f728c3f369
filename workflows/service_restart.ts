import type { OperationInput } from '../activities/operations.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { asOperation, together } from './operation.ts'
import { control, watch } from './proxies.ts'
import { rollOutService } from './roll-out-service.ts'

/** Restarts a service: of an environment with new replicas beside the old ones, without an outage; others are away for a moment. */
export async function service_restart({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    const { isOfEnvironment, replicas } = await control.planRestart({ operationId })
    if (isOfEnvironment) {
      await rollOutService({ operationId })
      return 'restarted'
    }
    await together(replicas, async ({ id, containerName, serverName }, index) => {
      const restart = { operationId, order: stepNumbers.serviceRestart.restart + index, replicaId: id }
      await watch.restartReplica.executeWithOptions({ summary: `restart ${containerName} on ${serverName}` }, [restart])
    })
    await control.recordRestarted({ operationId })
    return 'restarted'
  })
}
