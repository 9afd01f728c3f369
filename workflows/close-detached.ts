import { CancellationScope } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import type { SliceWork } from '../activities/slices.ts'
import type { EnvironmentDeployPlan } from '../domain/deploy-plan.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { applyFirewalls, settleFirewalls } from './firewalls.ts'
import { orWarn } from './operation.ts'

/** What follows the commit point of a detachment: ports that nobody is to reach any more are closed, now or with the next operation there. */
export async function closeDetached({ operationId, of }: SliceWork): Promise<void> {
  await CancellationScope.nonCancellable(() =>
    orWarn({ of, code: 'ports_not_closed' }, 'a port was not closed', () => settleFirewalls({ operationId, of, order: stepNumbers.sliceDetach.firewall })),
  )
}

/** A plan that changes nothing may still be the end of what was detached. Answers as what its operation ends. */
export async function leaveUnchanged({ firewalls = [] }: EnvironmentDeployPlan, { operationId }: OperationInput): Promise<'unchanged'> {
  await CancellationScope.nonCancellable(() =>
    orWarn({ of: operationId, code: 'ports_not_closed' }, 'a port was not closed', () =>
      applyFirewalls(firewalls, { operationId, order: stepNumbers.environmentDeploy.closePorts }),
    ),
  )
  return 'unchanged'
}
