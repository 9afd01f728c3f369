import { activityInfo, ApplicationFailure, Context, heartbeat } from '@temporalio/activity'
import { type Login, serverAccess } from '../db/server-access.ts'
import { operationById } from '../db/operations/begin.ts'
import { endStep, logTail, startStep, storedPosition } from '../db/operations/steps.ts'
import type { OperationId, ServerId } from '../domain/ids.ts'
import { redactionOf } from '../domain/masking.ts'
import type { Redaction } from '../domain/redaction.ts'
import type { Secret } from '../domain/secret.ts'
import type { ServiceStep } from '../drivers/services/contract-step.ts'
import type { DurableStep, Remote, StepOutcome } from '../drivers/ssh/remote.ts'
import type { ActivityDeps } from './deps.ts'
import { asFailure, finalFailure } from './failures.ts'
import { createStepLog, LogOvertaken } from './step-log.ts'

/** A step of an operation on a server. */
export interface RemoteWork<Facts> {
  /** The operation that the step belongs to, and its number there: by both it is found again. */
  operationId: OperationId
  order: number
  serverId: ServerId
  step: ServiceStep<Facts>
  /** What must not be seen in the log, beside the step's own secrets. */
  masked?: readonly Secret[]
  /** Whose unit it is on the server; `keystone` by default. */
  user?: 'keystone' | 'root'
  /** `management` by default. */
  login?: Login
}

/**
 * The one executor: starts a step on a server or re-attaches to it, stores its masked output as it comes, and returns what it
 * reports (design section 5). A worker that shuts down leaves the step running; only a cancel stops it. Fails as `step_failed`
 * where the script's exit code is not zero, as `ssh_…` where the server cannot be worked with.
 */
export async function runStep<Facts>(deps: ActivityDeps, work: RemoteWork<Facts>): Promise<Facts> {
  const { operationId, order, serverId, step, user = 'keystone', login = 'management' } = work
  try {
    const { hash, rootId } = await operationById(deps.db, operationId)
    const server = await serverAccess(deps.db, deps.keyring, serverId, login)
    const stepId = await startStep(deps.db, { operationId, order, name: step.name, serverId, user, script: step.script })
    const durable = { hash, order, user, ...step }
    const followed = { remote: deps.ssh.to(server), durable, stepId, rootId, redaction: redactionFor(work) }
    const outcome = await follow(deps, followed)
    return await conclude(deps, { ...followed, server: server.name, outcome, step })
  } catch (error) {
    throw asFailure(error, step.name)
  }
}

const redactionFor = ({ step, masked = [] }: Pick<RemoteWork<unknown>, 'step' | 'masked'>): Redaction =>
  redactionOf([...Object.values(step.secrets), ...masked])

interface Followed {
  remote: Remote
  durable: DurableStep
  stepId: string
  rootId: OperationId
  redaction: Redaction
}

const heartbeatMilliseconds = 2000

function follow(deps: ActivityDeps, followed: Followed): Promise<StepOutcome> {
  return beating(async () => {
    try {
      return await followFromStored(deps, followed)
    } catch (error) {
      if (!Context.current().cancellationSignal.aborted) throw error
      throw await interrupted(deps, followed)
    }
  })
}

/** Shows Temporal meanwhile that the worker lives. */
export async function beating<Result>(work: () => Promise<Result>): Promise<Result> {
  const beat = setInterval(() => heartbeat(), heartbeatMilliseconds)
  try {
    return await work()
  } finally {
    clearInterval(beat)
  }
}

/** For what is asked of a server beside steps; `what` names it in a failure. */
export async function askServer<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await beating(work)
  } catch (error) {
    throw asFailure(error, what)
  }
}

async function followFromStored(deps: ActivityDeps, followed: Followed): Promise<StepOutcome> {
  const { remote, durable, stepId, rootId, redaction } = followed
  const stored = await storedPosition(deps.db, stepId)
  const log = createStepLog(deps.db, stepId, { redaction, stored })
  try {
    const outcome = await remote.step(durable, {
      stored,
      signal: Context.current().cancellationSignal,
      onChunk: async (chunk) => {
        await log.take(chunk)
        deps.notices(rootId)
      },
    })
    await log.end()
    return outcome
  } catch (error) {
    if (error instanceof LogOvertaken) return followFromStored(deps, followed)
    throw error
  }
}

/** Only a wish to cancel ends the step on the server; after everything else a retry finds it running. */
async function interrupted(deps: ActivityDeps, { remote, durable, stepId }: Followed): Promise<unknown> {
  const context = Context.current()
  if (!context.cancellationDetails?.cancelRequested) {
    const message = `${activityInfo().activityType} lets go of step "${durable.name}"; the step goes on`
    return ApplicationFailure.retryable(message, 'detached')
  }
  await remote.stopStep(durable)
  await endStep(deps.db, stepId, { status: 'cancelled' })
  return context.cancelled.catch((cancellation: unknown) => cancellation)
}

interface Concluded<Facts> extends Followed {
  server: string
  outcome: StepOutcome
  step: ServiceStep<Facts>
}

async function conclude<Facts>(deps: ActivityDeps, { outcome, stepId, server, step }: Concluded<Facts>): Promise<Facts> {
  const { run, exitCode, result } = outcome
  await endStep(deps.db, stepId, { status: exitCode === 0 ? 'succeeded' : 'failed', run, exitCode })
  if (exitCode === 0) return step.parse(result)
  const tail = await logTail(deps.db, stepId)
  const explained = step.explain?.(result)
  const { command } = step
  throw finalFailure({
    code: explained?.code ?? 'step_failed',
    message: [`Step "${step.name}" on ${server}${command ? ` (${shortened(command)})` : ''} ended with exit code ${exitCode}.`, ...(explained ? [explained.message] : [])].join(' '),
    server,
    step: step.name,
    exitCode,
    ...(command ? { command } : {}),
    ...(tail ? { tail } : {}),
    hint: explained?.hint ?? 'The whole output is in the log of this step. Mend the cause and start the operation again.',
  })
}

const shortened = (command: string): string => (command.length > 200 ? `${command.slice(0, 200)}…` : command)
