import type { OperationInput } from '../activities/operations.ts'
import type { PlannedFirewall } from '../domain/firewall.ts'
import type { OperationId, ServerId } from '../domain/ids.ts'
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

interface Settling extends FirewallSteps {
  of: OperationId
  /** Servers that do not answer: they take their rules with the next operation there. */
  silent?: ReadonlySet<ServerId>
}

/** Lets servers reach exactly what they may by the rows of this moment, as far as the operation `of` is about it. */
export async function settleFirewalls({ of, silent, ...steps }: Settling): Promise<void> {
  const firewalls = await control.planFirewalls({ operationId: steps.operationId, of })
  await applyFirewalls(firewalls.filter(({ serverId }) => !silent?.has(serverId)), steps)
}
