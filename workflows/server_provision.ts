import type { OperationInput } from '../activities/operations.ts'
import { buyServer } from './buy-server.ts'
import { untilCommitted } from './converge.ts'
import { hardenServer } from './harden-server.ts'
import { asOperation } from './operation.ts'
import { control, remote, watch } from './proxies.ts'
import { told } from './told.ts'

/** Makes a server ready that its user gave the address of, the nine steps of specification section 4, proven by new connections. */
export async function server_provision({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await untilCommitted({ operationId, of: operationId }, async () => {
      const server = await control.planProvisioning({ operationId })
      if (server.isToBeMade) await buyServer({ operationId, server })
      const target = { operationId, server }

      const arrival = await remote.reachServer.executeWithOptions(told('reach', server), [target])
      await watch.awaitSystem.executeWithOptions(told('await the system of', server), [target])
      await remote.createUser.executeWithOptions(told('create the user keystone on', server), [target])
      await remote.handOver.executeWithOptions(told('take over', server), [target])
      await hardenServer({ ...target, arrival })
    })
    return 'active'
  })
}
