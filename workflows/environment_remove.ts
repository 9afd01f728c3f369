import { CancellationScope } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import { remove } from './ending.ts'
import { asOperation } from './operation.ts'
import { control } from './proxies.ts'

/** Removes an environment with all of its services and routes; the slices that it used and its volumes stay. */
export async function environment_remove({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await control.beginRemoval({ operationId })
    await CancellationScope.nonCancellable(() => remove({ operationId, of: operationId }))
    return 'removed'
  })
}
