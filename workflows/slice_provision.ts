import type { OperationInput } from '../activities/operations.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { untilCommitted } from './converge.ts'
import { settleFirewalls } from './firewalls.ts'
import { asOperation } from './operation.ts'
import { control, remote } from './proxies.ts'

/** Makes a database or keyspace inside a running service, and lets the servers of its environment reach it. */
export async function slice_provision({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await untilCommitted({ operationId, of: operationId }, async () => {
      await remote.provisionSlice.executeWithOptions({ summary: 'make the slice' }, [{ operationId }])
      await settleFirewalls({ operationId, of: operationId, order: stepNumbers.sliceProvision.firewall })
      await control.recordSliceReady({ operationId })
    })
    return 'ready'
  })
}
