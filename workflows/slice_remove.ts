import type { OperationInput } from '../activities/operations.ts'
import { untilCommitted } from './converge.ts'
import { asOperation } from './operation.ts'
import { control } from './proxies.ts'
import { removeSlice } from './remove-slice.ts'

/** Removes a database or keyspace that nobody uses, with its data; the service's container stays as it is. */
export async function slice_remove({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    const work = { operationId, of: operationId }
    await untilCommitted(work, () => control.beginSliceRemoval({ operationId }))
    await removeSlice(work)
    return 'removed'
  })
}
