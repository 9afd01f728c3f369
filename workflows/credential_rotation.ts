import { CancellationScope } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import { completeRotation } from './complete-rotation.ts'
import { untilCommitted } from './converge.ts'
import { asOperation } from './operation.ts'
import { createProgress } from './progress.ts'
import { control, remote } from './proxies.ts'

const phases = ['plan', 'let new credentials in', 'switch', 'change environments', 'retire old credentials'] as const

/**
 * Changes the credentials of a slice without an outage (design section 9): the next ones are let in beside the present ones, every
 * environment is started with them, then the ones before are retired. From the switch on it goes forward only, for both are valid.
 */
export async function credential_rotation({ operationId }: OperationInput): Promise<void> {
  const progress = createProgress(phases)
  await asOperation({ operationId }, async () => {
    await untilCommitted({ operationId, of: operationId }, async () => {
      progress.phase('plan')
      const { sliceName, serviceName, isSwitched } = await control.planRotation({ operationId })
      progress.phase('let new credentials in')
      const summary = `let new credentials of ${sliceName} into ${serviceName}`
      if (!isSwitched) await remote.admitCredentials.executeWithOptions({ summary }, [{ operationId }])
      progress.phase('switch')
      await CancellationScope.nonCancellable(() => control.switchCredentials({ operationId }))
    })
    await CancellationScope.nonCancellable(() => completeRotation({ operationId, of: operationId, progress }))
    return 'rotated'
  })
}
