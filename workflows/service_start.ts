import type { OperationInput } from '../activities/operations.ts'
import { asOperation } from './operation.ts'
import { deployService } from './service_deploy.ts'

/** Starts a service that was stopped: of an environment as the live release has it, others with the volumes that they have. */
export async function service_start({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    const outcome = await deployService({ operationId })
    return outcome === 'deployed' ? 'started' : outcome
  })
}
