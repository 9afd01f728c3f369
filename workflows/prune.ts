import type { OperationInput } from '../activities/operations.ts'
import type { OperationId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { together } from './operation.ts'
import { control, remote } from './proxies.ts'

/** Removes what the environment of a committed deploy `of` keeps no more: one step per server, where there is anything. */
export async function prune({ operationId, of }: OperationInput & { of: OperationId }): Promise<void> {
  const { environmentId, servers } = await control.planPruning({ operationId: of })
  await together(servers, async ({ serverId, serverName }, index) => {
    const pruning = { operationId, order: stepNumbers.environmentDeploy.prune + index, environmentId, serverId }
    await remote.pruneServer.executeWithOptions({ summary: `prune on ${serverName}` }, [pruning])
  })
}
