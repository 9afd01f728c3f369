import type { OperationInput } from '../activities/operations.ts'
import { completeDeploy } from './complete-deploy.ts'
import { converge } from './converge.ts'
import { asOperation } from './operation.ts'
import { control } from './proxies.ts'

/**
 * Ends an operation whose workflow was terminated or lost (design section 4), under its locks: what had not reached its commit
 * point is taken back and failed, what had is brought to its end.
 */
export async function operation_recover({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    const { lostId, isDeploy } = await control.takeOver({ operationId })
    const result = await converge({ operationId, of: lostId })
    if (result === 'committed' && isDeploy) await completeDeploy({ operationId, of: lostId })
    await control.finishLost({ operationId: lostId, isCommitted: result === 'committed' })
    return result === 'committed' ? 'completed' : 'taken back'
  })
}
