import type { Completion } from '../activities/deploys.ts'
import type { OperationInput } from '../activities/operations.ts'
import type { SchedulerStop } from '../activities/scheduler.ts'
import type { OperationId, ReplicaId } from '../domain/ids.ts'
import type { SchedulerHandover, SchedulerPlace } from '../domain/scheduler.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import type { Warning } from '../domain/warnings.ts'
import { settleFirewalls } from './firewalls.ts'
import { orWarn, together } from './operation.ts'
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
  const [stillTicking] = await Promise.all([handOverAll(input, completion), drain(input, completion)])
  const retiring = completion.retiring.filter(({ id }) => !stillTicking.includes(id))
  await retire(input, { retiring })
  if (completion.closesPorts) await closePorts(input)
}

async function drain({ operationId, of }: CompletionInput, { environmentId, draining }: Completion): Promise<void> {
  await together(draining, ({ gatewayId, serverName }, index) => {
    const summary = `wait for the last requests of old replicas on ${serverName}`
    const step = { operationId, order: numbers.drain + index, gatewayId, environmentId }
    return orWarn({ of, code: 'drain_failed' }, `old replicas were not drained on ${serverName}`, async () => {
      const busy = await watch.drainGateway.executeWithOptions({ summary }, [step])
      for (const name of busy) await warn(of, { code: 'requests_cut_off', message: `${name} still had requests at the end of its drain window; they may have been cut off` })
    })
  })
}

async function retire({ operationId, of }: CompletionInput, { retiring }: Pick<Completion, 'retiring'>): Promise<void> {
  await together(retiring, ({ id, containerName, serverName }, index) => {
    const summary = `retire ${containerName} on ${serverName}`
    const stop = { operationId, of, order: numbers.retire + index, replicaId: id }
    return orWarn({ of, code: 'replica_not_retired' }, `${containerName} was not retired`, () => watch.stopReplica.executeWithOptions({ summary }, [stop]))
  })
  await orWarn({ of, code: 'not_pruned' }, 'what no release needs any more was not removed', () => prune({ operationId, of }))
}

async function closePorts({ operationId, of }: CompletionInput): Promise<void> {
  await orWarn({ of, code: 'ports_not_closed' }, 'ports of old replicas were not closed', () => settleFirewalls({ operationId, of, order: numbers.closePorts }))
}

/** Answers those that nobody took over from: they stay until the next deploy, for somebody has to tick. */
async function handOverAll({ operationId, of }: CompletionInput, { handovers }: Completion): Promise<ReplicaId[]> {
  const stillTicking: ReplicaId[] = []
  await together(handovers, (handover, index) =>
    orWarn({ of, code: 'scheduler_not_handed_over' }, 'the scheduler was not handed over', () =>
      handOver({ operationId, index }, handover).catch((error: unknown) => {
        if (handover.from) stillTicking.push(handover.from.replicaId)
        throw error
      }),
    ),
  )
  return stillTicking
}

interface HandOver extends OperationInput {
  index: number
  /** Of its three lists of steps; a deploy's by default. */
  numbers?: Pick<typeof numbers | typeof stepNumbers.serverReboot, 'releaseScheduler' | 'startScheduler' | 'stopScheduler'>
}

/**
 * The charge of ticking passes on with the last minute that was ticked, so that each minute is ticked once, whoever does it. On
 * the same server the new scheduler takes it over in one step, that no outage of ours can interrupt. The old one is ended last,
 * for its running tick may take its time.
 */
export async function handOver({ operationId, index, numbers: of = numbers }: HandOver, handover: SchedulerHandover): Promise<void> {
  const { from, to } = handover
  const step = (list: number, { replicaId }: SchedulerPlace) => ({ operationId, order: list + index, replicaId })
  if (to) {
    const follows = from && (await predecessor({ ...step(of.releaseScheduler, from), isKept: true }, { from, to }))
    const summary = `start the new scheduler on ${to.serverName}`
    await watch.startScheduler.executeWithOptions({ summary }, [{ ...step(of.startScheduler, to), follows }])
  }
  if (from) {
    const summary = `stop the old scheduler on ${from.serverName}`
    await watch.stopScheduler.executeWithOptions({ summary }, [{ ...step(of.stopScheduler, from), isKept: false }])
  }
  await control.recordHandover(handover)
}

/** Whom the new scheduler follows; one on another server is released before it begins. */
async function predecessor(release: SchedulerStop, { from, to }: { from: SchedulerPlace; to: SchedulerPlace }) {
  if (from.serverId === to.serverId) return { replicaId: from.replicaId }
  const summary = `release the old scheduler on ${from.serverName}`
  const { ticked } = await watch.stopScheduler.executeWithOptions({ summary }, [release])
  return ticked === null ? null : { ticked }
}

const warn = (operationId: OperationId, warning: Warning) => control.addWarning({ operationId, warning })
