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

const { ask, both, next } = stepNumbers.gateway

/** Switches one gateway from the old replicas to the new ones, over a time in which both serve (specification section 15). */
export async function gateway_cutover({ operationId, environmentId, gateway }: GatewayCutoverInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    const { serviceId: gatewayId, serverName, asks } = gateway
    if (asks.length > 0) {
      const summary = `ask new replicas on other servers from the gateway on ${serverName}`
      await remote.askReplicas.executeWithOptions({ summary }, [{ operationId, order: ask, gatewayId, environmentId, replicas: asks }])
    }
    const publication = { operationId, gatewayId, serverName, owned: { environmentId } }
    await publish({ ...publication, change: 'both', order: both })
    await publish({ ...publication, change: 'next', order: next })
    return 'switched'
  })
}
