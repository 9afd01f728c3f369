import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Database, Sql } from '../db/connect.ts'
import { markCancelDelivered, undeliveredCancels } from '../db/operations/cancel.ts'
import { failUnbegun, putBack, runningRoots, takePending } from '../db/operations/dispatch.ts'
import { repeatRecoveries, requestConvergence, requestRecovery } from '../db/operations/recover.ts'
import type { Operation } from '../db/operations/request.ts'
import { applicationsToSettle } from '../db/unsettled-pushes.ts'
import { followsBranch, workflowId } from '../domain/operations.ts'
import type { Workflows } from '../drivers/temporal/workflows.ts'
import { settlePushes } from './pushes.ts'

/** What the dispatcher works with; `sql` is the connection that listens. It polls every 5 s by default. */
export interface DispatcherDeps {
  db: Database
  sql: Sql
  workflows: Workflows
  log: Logger
  pollMilliseconds?: number
}

/** `stop` resolves when the round under way has ended. */
export interface Dispatcher {
  stop(): Promise<void>
}

/**
 * Carries wishes from the database to Temporal, in every worker process (design section 4): starts what is pending, delivers
 * cancels, and hands operations whose workflow is gone to recovery. Beside that it settles pushes, which need no Temporal.
 */
export async function startDispatcher(deps: DispatcherDeps): Promise<Dispatcher> {
  const loops = [
    await startLoop(deps, { channel: 'keystone_pending', work: round, restMilliseconds: 0 }),
    await startLoop(deps, { channel: 'keystone_push', work: settleAll, restMilliseconds: settlingRestMilliseconds }),
  ]
  return {
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()))
    },
  }
}

/** A storm of pushes comes to a deployment of each environment in every such time; a lone one does not wait. */
const settlingRestMilliseconds = 400

interface Loop {
  channel: string
  work(deps: DispatcherDeps): Promise<void>
  /** Between two rounds: what comes meanwhile costs one round together. */
  restMilliseconds: number
}

/** Works at once, whenever it is woken by NOTIFY, and by a poll for what was missed. */
async function startLoop(deps: DispatcherDeps, { channel, work, restMilliseconds }: Loop): Promise<Dispatcher> {
  const { pollMilliseconds = 5000 } = deps
  const stopping = new AbortController()
  const { signal } = stopping
  let wake = () => {}
  const loop = async () => {
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      await work(deps)
      await pause(restMilliseconds, null, { signal }).catch(() => {})
      const timer = setTimeout(wake, pollMilliseconds)
      await woken
      clearTimeout(timer)
    }
  }
  const listening = await deps.sql.listen(channel, () => wake())
  const running = loop()
  return {
    async stop() {
      stopping.abort()
      wake()
      await running
      await listening.unlisten()
    },
  }
}

/** Applications do not wait for each other's success, either. */
async function settleAll({ db, log }: DispatcherDeps): Promise<void> {
  const failed = (error: unknown) => log.warn({ err: error }, 'settling pushes failed and is tried again')
  for (const id of await applicationsToSettle(db).catch((error: unknown) => (failed(error), []))) await settlePushes(db, id).catch(failed)
}

/** The parts of a round do not wait for each other's success: a start that Temporal refuses must not keep a cancel back. */
async function round(deps: DispatcherDeps): Promise<void> {
  const { db } = deps
  const parts = [startPending, deliverCancels, findLost, () => repeatRecoveries(db), () => requestConvergence(db)]
  for (const part of parts) {
    await part(deps).catch((error: unknown) => deps.log.warn({ err: error }, 'dispatching failed and is tried again'))
  }
}

async function startPending(deps: DispatcherDeps): Promise<void> {
  for (let taken = await takePending(deps.db); taken.length > 0; taken = await takePending(deps.db)) {
    await each(taken, (operation) => startOne(deps, operation))
  }
}

async function startOne({ db, workflows, log }: DispatcherDeps, operation: Operation): Promise<void> {
  const { id, kind } = operation
  try {
    const isNew = await workflows.start(startOf(operation))
    if (!isNew && (await workflows.state(workflowId(kind, id))) !== 'running') await failUnbegun(db, id)
    log.info({ operation: id, kind, isNew }, 'operation started')
  } catch (error) {
    await putBack(db, id)
    throw error
  }
}

function startOf({ id, kind, summary, organisationId, targetType, targetId, input }: Operation) {
  const commit = typeof input.commit === 'string' ? { commit: input.commit } : {}
  const target = targetType === 'environment' ? { environment: targetId } : targetType === 'server' ? { server: targetId } : {}
  const found = { organisation: organisationId, ...target, ...commit }
  return { kind, operationId: id, summary, found, followsBranch: followsBranch({ kind, input }) }
}

async function deliverCancels({ db, workflows }: DispatcherDeps): Promise<void> {
  await each(await undeliveredCancels(db), async ({ id, kind }) => {
    await workflows.cancel(workflowId(kind, id))
    await markCancelDelivered(db, id)
  })
}

/** A row that says running needs a workflow that runs. One that has closed of its own after the rows were read has written its end before. */
async function findLost({ db, workflows, log }: DispatcherDeps): Promise<void> {
  await each(await runningRoots(db), async (root) => {
    const state = await workflows.state(root.workflowId)
    if (state === 'running') return
    const isLost = await requestRecovery(db, root.id, `the workflow ${root.workflowId} is ${state}`)
    if (isLost) log.warn({ operation: root.id, kind: root.kind, state }, 'workflow is gone, the operation goes to recovery')
  })
}

/** One that fails keeps none of the others back; the first failure is thrown when all have been tried. */
async function each<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (const tried of await Promise.allSettled(items.map(work))) if (tried.status === 'rejected') throw tried.reason
}
