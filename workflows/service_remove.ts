import { CancellationScope } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import { remove } from './ending.ts'
import { asOperation } from './operation.ts'
import { control } from './proxies.ts'

/** Removes a service that nobody needs; its volumes stay on their servers until they are deleted by name. */
export async function service_remove({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await control.beginRemoval({ operationId })
    await CancellationScope.nonCancellable(() => remove({ operationId, of: operationId }))
    return 'removed'
  })
}
