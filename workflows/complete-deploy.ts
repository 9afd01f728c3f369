import { sleep } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import type { OperationId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { failureOf, together } from './operation.ts'
import { control, watch } from './proxies.ts'

const { stopScheduler, startScheduler, retire } = stepNumbers.environmentDeploy

/** Connections that Caddy has accepted but not used stay on the old configuration for about 5 s after a reload. */
const dwell = '6 seconds'

/**
 * What follows a commit (design section 4): the scheduler is handed over, what was replaced is retired. From here everything
 * goes forward: what does not work is a warning, and done by the next deploy. `of` is the committed deploy.
 */
export async function completeDeploy({ operationId, of }: OperationInput & { of: OperationId }): Promise<void> {
  const { environmentId, scheduler, retiring } = await control.planCompletion({ operationId: of })
  const { from, to } = scheduler
  if (from !== to) {
    await orWarn(of, 'the scheduler was not handed over', async () => {
      if (from) await watch.stopScheduler.executeWithOptions({ summary: 'stop the old scheduler' }, [{ operationId, order: stopScheduler, replicaId: from }])
      if (to) await watch.startScheduler.executeWithOptions({ summary: 'start the new scheduler' }, [{ operationId, order: startScheduler, replicaId: to }])
      await control.recordScheduler({ environmentId, replicaId: to })
    })
  }
  if (retiring.some(({ hadTraffic }) => hadTraffic)) await sleep(dwell)
  await together(retiring, ({ id, containerName, serverName }, index) =>
    orWarn(of, `${containerName} was not retired`, () =>
      watch.stopReplica.executeWithOptions({ summary: `retire ${containerName} on ${serverName}` }, [{ operationId, order: retire + index, replicaId: id }]),
    ),
  )
}

async function orWarn(operationId: OperationId, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    await control.addWarning({ operationId, warning: `${what}: ${failureOf(error).message}` })
  }
}
