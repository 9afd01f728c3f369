import { CancellationScope } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import { untilCommitted } from './converge.ts'
import { asOperation } from './operation.ts'
import { control, remote } from './proxies.ts'
import { retireServerKey } from './retire-server-key.ts'
import { told } from './told.ts'

/**
 * Gives a server another management key (design section 9): the next one is let in beside the present one and proven, becomes the
 * server's, and the one before is shut out. From the switch on it goes forward only, for by then the next one works.
 */
export async function server_key_rotation({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await untilCommitted({ operationId, of: operationId }, async () => {
      const { isSwitched, ...server } = await control.planServerKeyRotation({ operationId })
      if (!isSwitched) await remote.admitServerKey.executeWithOptions(told('let the next key into', server), [{ operationId }])
      await CancellationScope.nonCancellable(() => control.switchServerKey({ operationId }))
    })
    await CancellationScope.nonCancellable(() => retireServerKey({ operationId, of: operationId }))
    return 'rotated'
  })
}
