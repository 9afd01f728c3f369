import type { OperationInput } from '../activities/operations.ts'
import { asOperation } from './operation.ts'
import { remote } from './proxies.ts'

/** Deletes a volume that a removed service or environment has left, by its user's explicit wish. */
export async function volume_remove({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await remote.deleteVolume.executeWithOptions({ summary: 'delete the volume' }, [{ operationId }])
    return 'removed'
  })
}
