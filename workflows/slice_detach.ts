import type { OperationInput } from '../activities/operations.ts'
import { closeDetached } from './close-detached.ts'
import { untilCommitted } from './converge.ts'
import { asOperation } from './operation.ts'
import { control } from './proxies.ts'

/**
 * Ends what ties an environment to a slice, which stays. What runs keeps its variables, and its way there, until the next roll-out has
 * taken its place; where nothing runs the way is closed at once.
 */
export async function slice_detach({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    const work = { operationId, of: operationId }
    await untilCommitted(work, () => control.detachSlice({ operationId }))
    await closeDetached(work)
    return 'detached'
  })
}
