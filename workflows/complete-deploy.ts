import { sleep } from '@temporalio/workflow'
import type { Completion } from '../activities/deploys.ts'
import type { OperationInput } from '../activities/operations.ts'
import type { OperationId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { failureOf, together } from './operation.ts'
import { control, watch } from './proxies.ts'
import { prune } from './prune.ts'

const { stopScheduler, startScheduler, retire } = stepNumbers.environmentDeploy

/** Connections that Caddy has accepted but not used stay on the old configuration for about 5 s after a reload. */
const dwell = '6 seconds'

/**
 * What follows a commit (design section 4): the scheduler is handed over, what was replaced is retired. From here everything
 * goes forward: what does not work is a warning of the committed deploy `of`, and done by the next one. `operationId` does the
 * work: that deploy itself, or its recovery.
 */
export async function completeDeploy({ operationId, of }: OperationInput & { of: OperationId }): Promise<void> {
  const { environmentId, handover, retiring } = await control.planCompletion({ operationId: of })
  if (handover) {
    await orWarn(of, 'the scheduler was not handed over', async () => {
      await handOver({ operationId }, handover)
      await control.recordScheduler({ environmentId, replicaId: handover.to?.replicaId ?? null })
    })
  }
  if (retiring.some(({ hadTraffic }) => hadTraffic)) await sleep(dwell)
  await together(retiring, ({ id, containerName, serverName }, index) => {
    const summary = `retire ${containerName} on ${serverName}`
    const stop = { operationId, order: retire + index, replicaId: id }
    return orWarn(of, `${containerName} was not retired`, () => watch.stopReplica.executeWithOptions({ summary }, [stop]))
  })
  await orWarn(of, 'what no release needs any more was not removed', () => prune({ operationId, of }))
}

/** The new scheduler starts only when the old one was seen to be gone: at no time are there two. */
async function handOver({ operationId }: OperationInput, { from, to }: NonNullable<Completion['handover']>): Promise<void> {
  if (from) {
    const stop = { operationId, order: stopScheduler, replicaId: from.replicaId }
    await watch.stopScheduler.executeWithOptions({ summary: `stop the old scheduler on ${from.serverName}` }, [stop])
  }
  if (to) {
    const start = { operationId, order: startScheduler, replicaId: to.replicaId }
    await watch.startScheduler.executeWithOptions({ summary: `start the new scheduler on ${to.serverName}` }, [start])
  }
}

async function orWarn(operationId: OperationId, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    await control.addWarning({ operationId, warning: `${what}: ${failureOf(error).message}` })
  }
}
