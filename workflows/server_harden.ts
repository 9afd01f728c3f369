import type { OperationInput } from '../activities/operations.ts'
import { untilCommitted } from './converge.ts'
import { hardenServer } from './harden-server.ts'
import { asOperation } from './operation.ts'
import { control, remote, watch } from './proxies.ts'
import { told } from './told.ts'

/**
 * Brings a server that is ready to today's rules, over Keystone's own login: the part of server_provision that is about rules. The server
 * stays in service, and its containers run on.
 */
export async function server_harden({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await untilCommitted({ operationId, of: operationId }, async () => {
      const server = await control.planHardening({ operationId })
      const target = { operationId, server }
      const arrival = await remote.reachServer.executeWithOptions(told('reach', server), [target])
      await watch.awaitSystem.executeWithOptions(told('await the system of', server), [target])
      await hardenServer({ ...target, arrival })
    })
    return 'hardened'
  })
}
