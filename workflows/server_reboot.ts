import { CancellationScope } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import { stepNumbers, stepsPerGateway } from '../domain/step-numbers.ts'
import { completeReboot } from './complete-reboot.ts'
import { untilCommitted } from './converge.ts'
import { asOperation, together } from './operation.ts'
import { control, knock, watch } from './proxies.ts'
import { publish } from './publish.ts'

const numbers = stepNumbers.serverReboot

/**
 * Restarts a server: out of the gateways, reboot, verify, back. What other servers can serve meanwhile they do, and no request is lost;
 * what it alone serves is away, which its user has said yes to.
 */
export async function server_reboot({ operationId }: OperationInput): Promise<void> {
  const work = { operationId, of: operationId }
  await asOperation({ operationId }, async () => {
    await untilCommitted(work, async () => {
      const { serverId, serverName } = await control.planReboot({ operationId })
      await knock.askServer.executeWithOptions({ summary: `ask whether ${serverName} answers` }, [{ operationId, serverId }])
      await leaveGateways({ operationId })
      await control.commitReboot({ operationId })
    })
    await CancellationScope.nonCancellable(() => completeReboot(work))
    return 'rebooted'
  })
}

/** The gateways send nothing there any more, and what was under way is waited for. */
async function leaveGateways({ operationId }: OperationInput): Promise<void> {
  const gateways = await control.leaveGateways({ operationId })
  await together(gateways, ({ environmentIds, ...gateway }, index) =>
    publish({ operationId, ...gateway, change: 'leave', owned: { environmentIds }, order: numbers.leave + stepsPerGateway * index }),
  )
  const drains = gateways.flatMap(({ environmentIds, ...gateway }) => environmentIds.map((environmentId) => ({ ...gateway, environmentId })))
  await together(drains, async ({ gatewayId, serverName, environmentId }, index) => {
    const step = { operationId, order: numbers.drain + index, gatewayId, environmentId }
    const busy = await watch.drainGateway.executeWithOptions({ summary: `wait for the last requests on ${serverName}` }, [step])
    for (const name of busy) {
      const message = `${name} still had requests at the end of its drain window; they may have been cut off`
      await control.addWarning({ operationId, warning: { code: 'requests_cut_off', message } })
    }
  })
}
