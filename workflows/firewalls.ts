import type { OperationInput } from '../activities/operations.ts'
import type { PlannedFirewall } from '../domain/firewall.ts'
import type { OperationId } from '../domain/ids.ts'
import { together } from './operation.ts'
import { control, remote } from './proxies.ts'

/** The steps of an operation by which servers take their rules; they count from `order` on. */
export interface FirewallSteps extends OperationInput {
  order: number
}

/** Has servers take the rules that were planned for them. */
export async function applyFirewalls(firewalls: readonly PlannedFirewall[], { operationId, order }: FirewallSteps): Promise<void> {
  await together(firewalls, ({ serverId, serverName, revision }, index) => {
    const rules = { operationId, order: order + index, serverId, revision }
    return remote.applyFirewall.executeWithOptions({ summary: `apply firewall on ${serverName}` }, [rules])
  })
}

/** Lets servers reach exactly what they may by the rows of this moment, as far as the operation `of` is about it. */
export async function settleFirewalls({ of, ...steps }: FirewallSteps & { of: OperationId }): Promise<void> {
  await applyFirewalls(await control.planFirewalls({ operationId: steps.operationId, of }), steps)
}
