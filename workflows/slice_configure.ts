import type { PlannedRoute } from '../activities/gateways.ts'
import type { OperationInput } from '../activities/operations.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { untilCommitted } from './converge.ts'
import { settleFirewalls } from './firewalls.ts'
import { asOperation } from './operation.ts'
import { control, remote } from './proxies.ts'
import { publish } from './publish.ts'

/**
 * Puts a route into the configuration of its gateway, which may reach the replicas of other servers from then on; or gives a database or
 * keyspace other settings.
 */
export async function slice_configure({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await untilCommitted({ operationId, of: operationId }, async () => {
      const route = await control.planRoute({ operationId })
      if (route) await configureRoute(route, { operationId })
      else await remote.configureSlice.executeWithOptions({ summary: 'configure the slice' }, [{ operationId }])
      await control.recordSliceReady({ operationId })
    })
    return 'configured'
  })
}

async function configureRoute({ sliceId, ...gateway }: PlannedRoute, { operationId }: OperationInput): Promise<void> {
  await settleFirewalls({ operationId, of: operationId, order: stepNumbers.gateway.firewall })
  await publish({ operationId, ...gateway, change: 'configure', owned: { sliceId }, order: stepNumbers.gateway.configure })
}
