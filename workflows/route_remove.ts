import { CancellationScope } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import { end } from './ending.ts'
import { asOperation } from './operation.ts'
import { control } from './proxies.ts'

/** Takes a route from its gateway; what it led to goes on, and its domain is free. */
export async function route_remove({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await control.beginRemoval({ operationId })
    await CancellationScope.nonCancellable(() => end({ operationId, of: operationId }))
    return 'removed'
  })
}
