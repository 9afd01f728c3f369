import type { OperationInput } from '../activities/operations.ts'
import { untilCommitted } from './converge.ts'
import { asOperation } from './operation.ts'
import { control, remote } from './proxies.ts'

/** Makes a database or keyspace inside a running service. */
export async function slice_provision({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await untilCommitted({ operationId, of: operationId }, async () => {
      await remote.provisionSlice.executeWithOptions({ summary: 'make the slice' }, [{ operationId }])
      await control.recordSliceReady({ operationId })
    })
    return 'ready'
  })
}
