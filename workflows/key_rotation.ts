import type { OperationInput } from '../activities/operations.ts'
import type { SealedPosition } from '../domain/sealed-places.ts'
import { asOperation } from './operation.ts'
import { control } from './proxies.ts'

/**
 * Encrypts every value in the database with the current key of the key file, batch after batch. Nothing has to be taken back: as long
 * as both keys are in the file every value opens, however far it came.
 */
export async function key_rotation({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    let position: SealedPosition | null = { column: 0, after: null }
    while (position) position = await control.resealBatch({ operationId, position })
    return 'encrypted'
  })
}
