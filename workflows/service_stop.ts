import { CancellationScope } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import { end } from './ending.ts'
import { asOperation } from './operation.ts'
import { control } from './proxies.ts'

/** Stops a service, which stays stopped until it is started, whatever is deployed meanwhile. Its volumes stay. */
export async function service_stop({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await control.beginStop({ operationId })
    await CancellationScope.nonCancellable(() => end({ operationId, of: operationId }))
    return 'stopped'
  })
}
