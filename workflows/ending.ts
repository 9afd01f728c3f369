import type { PlannedEnding } from '../activities/endings.ts'
import type { OperationInput } from '../activities/operations.ts'
import type { OperationId, ServerId } from '../domain/ids.ts'
import { stepNumbers, stepsPerGateway } from '../domain/step-numbers.ts'
import { settleFirewalls } from './firewalls.ts'
import { giveUpSilent } from './give-up.ts'
import { together } from './operation.ts'
import { control, remote, watch } from './proxies.ts'
import { publish } from './publish.ts'

const numbers = stepNumbers.ending

type EndingReplica = PlannedEnding['others'][number]

/** `of` has passed its commit point; `operationId` does the work: that operation itself, or its recovery. */
export interface EndingWork extends OperationInput {
  of: OperationId
}

interface Ended {
  /** Servers that nothing was done on, since they did not answer a forced removal. */
  silent: ReadonlySet<ServerId>
}

/**
 * Ends what is to end, as the rows have it: first the scheduler and the workers, then its routes and its traffic, confirmed by every
 * gateway, and when the last requests are through, what answered them. Whoever could reach it is let in no more.
 */
export async function end(work: EndingWork): Promise<Ended> {
  const { operationId, of } = work
  const { environmentId, asked = [], ...planned } = await control.planEnding({ operationId: of })
  const silent = await giveUpSilent(work, asked)
  const answering = <Item extends { serverId: ServerId }>(items: readonly Item[]) => items.filter(({ serverId }) => !silent.has(serverId))
  const gateways = answering(planned.gateways)
  await together(answering(planned.schedulers), (replica, index) => endScheduler(work, replica, index))
  await stopReplicas(work, { replicas: answering(planned.workers), order: numbers.workers })
  if (environmentId !== null) {
    const owned = { environmentId }
    await together(gateways, ({ gatewayId, serverName }, index) =>
      publish({ operationId, gatewayId, serverName, change: 'withdraw', owned, order: numbers.gateways + stepsPerGateway * index }),
    )
    await together(gateways, async ({ gatewayId, serverName }, index) => {
      const summary = `wait for the last requests on ${serverName}`
      await watch.drainGateway.executeWithOptions({ summary }, [{ operationId, order: numbers.drain + index, gatewayId, environmentId }])
    })
  }
  await stopReplicas(work, { replicas: answering(planned.others), order: numbers.replicas })
  await control.recordEnded(work)
  await settleFirewalls({ ...work, order: numbers.firewall, silent })
  return { silent }
}

/** Removes what is left of something that has ended, but for its data: volumes stay on their servers and are listed by name. */
export async function remove(work: EndingWork): Promise<void> {
  const { silent } = await end(work)
  const { operationId } = work
  const { environmentId, servers } = await control.planCleanUp(work)
  await together(servers.filter(({ serverId }) => !silent.has(serverId)), async ({ serverId, serverName }, index) => {
    const cleanUp = { ...work, order: numbers.cleanUp + index, serverId }
    await remote.cleanUpServer.executeWithOptions({ summary: `clean up ${serverName}` }, [cleanUp])
    if (environmentId === null) return
    const pruning = { operationId, order: numbers.prune + index, environmentId, serverId }
    await remote.pruneServer.executeWithOptions({ summary: `remove images from ${serverName}` }, [pruning])
  })
  await control.recordRemoved(work)
}

async function endScheduler({ operationId }: EndingWork, { id, serverId, serverName }: EndingReplica, index: number): Promise<void> {
  const stop = { operationId, order: numbers.schedulers + index, replicaId: id, isKept: false }
  await watch.stopScheduler.executeWithOptions({ summary: `stop the scheduler on ${serverName}` }, [stop])
  await control.recordHandover({ from: { replicaId: id, serverId, serverName }, to: null })
}

async function stopReplicas(
  { operationId, of }: EndingWork,
  { replicas, order }: { replicas: readonly EndingReplica[]; order: number },
): Promise<void> {
  await together(replicas, async ({ id, containerName, serverName, isKept }, index) => {
    const stop = { operationId, of, order: order + index, replicaId: id, isKept }
    await watch.stopReplica.executeWithOptions({ summary: `stop ${containerName} on ${serverName}` }, [stop])
  })
}
