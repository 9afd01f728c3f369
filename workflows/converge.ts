import { CancellationScope, isCancellation } from '@temporalio/workflow'
import type { ConvergenceInput } from '../activities/convergence.ts'
import { stepNumbers, stepsPerGateway } from '../domain/step-numbers.ts'
import { settleFirewalls } from './firewalls.ts'
import { failureOf, together } from './operation.ts'
import { control, remote } from './proxies.ts'
import { publish } from './publish.ts'

const numbers = stepNumbers.convergence

/**
 * Takes an operation back to what was before it (design section 4): its work is stopped, traffic returns and is confirmed, only
 * then its replicas and images go. Answers `committed` where it had reached its commit point: then its work is stopped, for
 * somebody else goes on with it, and nothing is taken back. Throws where a server did not answer for long.
 */
export async function converge(input: ConvergenceInput): Promise<'taken back' | 'committed'> {
  return CancellationScope.nonCancellable(async () => {
    const { operationId } = input
    const { isCommitted, leftovers } = await control.beginConvergence(input)
    const { environmentId, servers, gateways, replicas, artifacts } = leftovers
    await together(servers, ({ serverId, serverName }, index) => {
      const work = { ...input, serverId, order: numbers.stopOneOffs + index }
      return remote.stopWork.executeWithOptions({ summary: `stop unfinished work on ${serverName}` }, [work])
    })
    if (isCommitted) return 'committed'
    const owned = environmentId ? { environmentId } : { nothing: true as const }
    await together(gateways, ({ gatewayId, serverName }, index) =>
      publish({ operationId, gatewayId, serverName, change: 'previous', owned, order: numbers.gateways + stepsPerGateway * index }),
    )
    await together(replicas, ({ id, containerName, serverName }, index) => {
      const stop = { ...input, order: numbers.replicas + index, replicaId: id }
      return remote.stopReplica.executeWithOptions({ summary: `remove ${containerName} from ${serverName}` }, [stop])
    })
    if (replicas.length > 0) await settleFirewalls({ ...input, order: numbers.closePorts })
    await together(artifacts, ({ id, serverId, serverName }, index) => {
      const discard = { ...input, order: numbers.images + index, serverId, artifactId: id }
      return remote.discardImage.executeWithOptions({ summary: `remove the new image from ${serverName}` }, [discard])
    })
    await control.endConvergence(input)
    return 'taken back'
  })
}

/**
 * Runs what leads to the commit point; a failure or cancel on the way is taken back before it is thrown. Where the commit turns
 * out to have happened, for instance because only its answer was lost, it returns and everything goes forward.
 */
export async function untilCommitted(input: ConvergenceInput, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if ((await takenBack(input, error)) === 'committed') return
    throw error
  }
}

/** A server that does not answer for long is marked, and brought in line later: the operation fails for its own reason. */
async function takenBack(input: ConvergenceInput, reason: unknown): Promise<'taken back' | 'committed'> {
  try {
    return await converge(input)
  } catch (error) {
    if (isCancellation(error)) throw error
    await CancellationScope.nonCancellable(() => control.abandonConvergence({ ...input, reason: failureOf(error).message }))
    throw reason
  }
}
