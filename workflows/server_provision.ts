import type { OperationInput } from '../activities/operations.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { untilCommitted } from './converge.ts'
import { settleFirewalls } from './firewalls.ts'
import { asOperation } from './operation.ts'
import { control, remote, watch } from './proxies.ts'

/** Makes a server that its user gave the address of ready: Docker, Keystone's user and key, proven by a second login. */
export async function server_provision({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await untilCommitted({ operationId, of: operationId }, async () => {
      const server = await control.planProvisioning({ operationId })
      await watch.prepareServer.executeWithOptions({ summary: `prepare ${server.name}` }, [{ operationId, server }])
      await settleFirewalls({ operationId, of: operationId, order: stepNumbers.serverProvision.firewall })
      await remote.verifyServer.executeWithOptions({ summary: `verify ${server.name}` }, [{ operationId, server }])
    })
    return 'active'
  })
}
