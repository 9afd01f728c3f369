import { CancellationScope } from '@temporalio/workflow'
import type { SliceWork } from '../activities/slices.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { settleFirewalls } from './firewalls.ts'
import { orWarn } from './operation.ts'

/** What follows the commit point of a detachment: ports that nobody is to reach any more are closed, now or with the next operation there. */
export async function closeDetached({ operationId, of }: SliceWork): Promise<void> {
  await CancellationScope.nonCancellable(() =>
    orWarn({ of, code: 'ports_not_closed' }, 'a port was not closed', () => settleFirewalls({ operationId, of, order: stepNumbers.sliceDetach.firewall })),
  )
}
