import type { Completion } from '../activities/deploys.ts'
import type { OperationInput } from '../activities/operations.ts'
import type { OperationId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { failureOf, together } from './operation.ts'
import { control, watch } from './proxies.ts'
import { prune } from './prune.ts'

const numbers = stepNumbers.environmentDeploy

interface CompletionInput extends OperationInput {
  /** The committed deploy. */
  of: OperationId
}

/**
 * What follows a commit (design section 4): the scheduler is handed over while the old replicas finish their requests, then what
 * was replaced is retired. From here everything goes forward: what does not work is a warning of the committed deploy `of`, and
 * done by the next one. `operationId` does the work: that deploy itself, or its recovery.
 */
export async function completeDeploy(input: CompletionInput): Promise<void> {
  const completion = await control.planCompletion({ operationId: input.of })
  await Promise.all([handOver(input, completion), drain(input, completion)])
  await retire(input, completion)
}

async function drain({ operationId, of }: CompletionInput, { environmentId, draining }: Completion): Promise<void> {
  await together(draining, ({ gatewayId, serverName }, index) => {
    const summary = `wait for the last requests of old replicas on ${serverName}`
    const step = { operationId, order: numbers.drain + index, gatewayId, environmentId }
    return orWarn(of, `old replicas were not drained on ${serverName}`, async () => {
      const busy = await watch.drainGateway.executeWithOptions({ summary }, [step])
      for (const name of busy) await warn(of, `${name} still had requests at the end of its drain window; they may have been cut off`)
    })
  })
}

async function retire({ operationId, of }: CompletionInput, { retiring }: Completion): Promise<void> {
  await together(retiring, ({ id, containerName, serverName }, index) => {
    const summary = `retire ${containerName} on ${serverName}`
    const stop = { operationId, order: numbers.retire + index, replicaId: id }
    return orWarn(of, `${containerName} was not retired`, () => watch.stopReplica.executeWithOptions({ summary }, [stop]))
  })
  await orWarn(of, 'what no release needs any more was not removed', () => prune({ operationId, of }))
}

async function handOver({ operationId, of }: CompletionInput, { environmentId, handover }: Completion): Promise<void> {
  if (!handover) return
  await orWarn(of, 'the scheduler was not handed over', async () => {
    await moveScheduler({ operationId }, handover)
    await control.recordScheduler({ environmentId, replicaId: handover.to?.replicaId ?? null })
  })
}

/** The new scheduler starts only when the old one was seen to be gone: at no time are there two. */
async function moveScheduler({ operationId }: OperationInput, { from, to }: NonNullable<Completion['handover']>): Promise<void> {
  if (from) {
    const stop = { operationId, order: numbers.stopScheduler, replicaId: from.replicaId }
    await watch.stopScheduler.executeWithOptions({ summary: `stop the old scheduler on ${from.serverName}` }, [stop])
  }
  if (to) {
    const start = { operationId, order: numbers.startScheduler, replicaId: to.replicaId }
    await watch.startScheduler.executeWithOptions({ summary: `start the new scheduler on ${to.serverName}` }, [start])
  }
}

async function orWarn(operationId: OperationId, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    await warn(operationId, `${what}: ${failureOf(error).message}`)
  }
}

const warn = (operationId: OperationId, warning: string) => control.addWarning({ operationId, warning })
