import type { OperationInput } from '../activities/operations.ts'
import type { PlannedGateway } from '../domain/deploy-plan.ts'
import type { EnvironmentId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { asOperation } from './operation.ts'
import { remote } from './proxies.ts'
import { publish } from './publish.ts'

/** Given by the environment's deploy, whose plan names the gateway and the new replicas. */
export interface GatewayCutoverInput extends OperationInput {
  environmentId: EnvironmentId
  gateway: PlannedGateway
}

const numbers = stepNumbers.gateway

/**
 * Switches one gateway from the old replicas to the new ones (specification section 15) with one revision: requests go to the new ones
 * from then on, and the old ones stay among its upstreams until the deploy has let them finish what they have.
 */
export async function gateway_cutover({ operationId, environmentId, gateway }: GatewayCutoverInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    const { serviceId: gatewayId, serverName, asks } = gateway
    if (asks.length > 0) {
      const summary = `ask new replicas on other servers from the gateway on ${serverName}`
      await remote.askReplicas.executeWithOptions({ summary }, [{ operationId, order: numbers.ask, gatewayId, environmentId, replicas: asks }])
    }
    const owned = { environmentId }
    await publish({ operationId, gatewayId, serverName, owned, change: 'switch', order: numbers.switch })
    return 'switched'
  })
}
