import { CancellationScope, isCancellation } from '@temporalio/workflow'
import type { BegunConvergence, ConvergenceInput } from '../activities/convergence.ts'
import { stepNumbers, stepsPerGateway } from '../domain/step-numbers.ts'
import { settleFirewalls } from './firewalls.ts'
import { failureOf, together } from './operation.ts'
import { control, remote, watch } from './proxies.ts'
import { publish } from './publish.ts'

const numbers = stepNumbers.convergence

/**
 * Takes an operation back to what was before it (design section 4): its work is stopped, traffic returns and is confirmed, only
 * then its replicas and images go. Answers `committed` where it had reached its commit point: then its work is stopped, for
 * somebody else goes on with it, and nothing is taken back. Throws where a server did not answer for long.
 */
export async function converge(input: ConvergenceInput): Promise<'taken back' | 'committed'> {
  return CancellationScope.nonCancellable(async () => {
    const { isCommitted, leftovers } = await control.beginConvergence(input)
    const { servers, replicas, artifacts, isSliceChanged = false, updated } = leftovers
    await together(servers, ({ serverId, serverName }, index) => {
      const work = { ...input, serverId, order: numbers.stopOneOffs + index }
      return remote.stopWork.executeWithOptions({ summary: `stop unfinished work on ${serverName}` }, [work])
    })
    if (isCommitted) return 'committed'
    await returnTraffic(input, leftovers)
    await together(replicas, ({ id, containerName, serverName, isKept }, index) => {
      const stop = { ...input, order: numbers.replicas + index, replicaId: id, ...(isKept ? { isKept } : {}) }
      return remote.stopReplica.executeWithOptions({ summary: `remove ${containerName} from ${serverName}` }, [stop])
    })
    if (replicas.length > 0) await settleFirewalls({ ...input, order: numbers.closePorts })
    await together(artifacts, ({ id, serverId, serverName }, index) => {
      const discard = { ...input, order: numbers.images + index, serverId, artifactId: id }
      return remote.discardImage.executeWithOptions({ summary: `remove the new image from ${serverName}` }, [discard])
    })
    if (isSliceChanged) await remote.restoreSlice.executeWithOptions({ summary: 'give the slice its settings back' }, [input])
    if (updated) await startBefore(input, updated)
    await together(leftovers.slices ?? [], ({ id, serverName }, index) => {
      const withdrawal = { ...input, order: numbers.withdraw + index, sliceId: id }
      return remote.withdrawCredentials.executeWithOptions({ summary: `withdraw unused credentials on ${serverName}` }, [withdrawal])
    })
    if (leftovers.withNextKey) {
      const summary = `withdraw the unused key from ${leftovers.withNextKey.serverName}`
      await remote.withdrawServerKey.executeWithOptions({ summary }, [{ ...input, order: numbers.withdraw }])
    }
    await control.endConvergence(input)
    return 'taken back'
  })
}

/** The service of an update runs with the image that it had, on the volume that it has. */
async function startBefore({ operationId }: ConvergenceInput, { replicaId, serverName, image }: NonNullable<BegunConvergence['leftovers']['updated']>): Promise<void> {
  const start = { operationId, order: numbers.restore, replicaId, image: { reference: image, isLocal: false }, askedBy: null }
  await watch.startReplica.executeWithOptions({ summary: `start the image of before on ${serverName}` }, [start])
}

/**
 * The gateways send everything to the old replicas again. Where the new ones have had traffic, they are kept until that has ended: who
 * got a page of theirs just before still needs its assets. Then the gateways forget them.
 */
async function returnTraffic(input: ConvergenceInput, { environmentId, environmentIds, gateways, replicas }: BegunConvergence['leftovers']): Promise<void> {
  const { operationId } = input
  const owned = environmentIds ? { environmentIds } : environmentId ? { environmentId } : { nothing: true as const }
  const publishOnAll = (change: 'previous' | 'configure', order: number) =>
    together(gateways, ({ gatewayId, serverName }, index) =>
      publish({ operationId, gatewayId, serverName, change, owned, order: order + stepsPerGateway * index }),
    )
  await publishOnAll('previous', numbers.gateways)
  if (environmentId === null || !replicas.some(({ isDraining }) => isDraining)) return
  await together(gateways, async ({ gatewayId, serverName }, index) => {
    const summary = `wait for the last requests of the new version on ${serverName}`
    await watch.drainGateway.executeWithOptions({ summary }, [{ operationId, order: numbers.drain + index, gatewayId, environmentId }])
  })
  await control.endDrain(input)
  await publishOnAll('configure', numbers.forget)
}

/**
 * Runs what leads to the commit point; a failure or cancel on the way is taken back before it is thrown, as `told` where that says more
 * of it. Where the commit turns out to have happened, for instance because only its answer was lost, it returns and everything goes
 * forward.
 */
export async function untilCommitted(
  input: ConvergenceInput,
  work: () => Promise<void>,
  told: (error: unknown) => unknown = (error) => error,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if ((await takenBack(input, error)) === 'committed') return
    throw told(error)
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
