import { CancellationScope } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import { asOperation } from './operation.ts'
import { control } from './proxies.ts'
import { removeServer } from './remove-server.ts'

/** Removes a server that nothing is on. It goes forward only: one that fails goes on where it was when it is asked for again. */
export async function server_remove({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await control.beginServerRemoval({ operationId })
    await CancellationScope.nonCancellable(() => removeServer({ operationId, of: operationId }))
    return 'removed'
  })
}
