import type { ServerId } from './ids.ts'
import type { AttachmentRole } from './services.ts'
import type { Warning } from './warnings.ts'

/** How an environment will run what does not happen in a request. */
export interface BackgroundWork extends Recommended {
  /** QUEUE_CONNECTION as the application will see it; null where nobody sets it. */
  queueConnection: string | null
  /** A worker service, or a worker beside each web replica. */
  hasWorker: boolean
  /** How many replicas will tick. */
  schedulers: number
}

/** What is recommended where it is to run otherwise. */
export interface Recommended {
  /** Of the environment in the API, `/organisations/…/environments/…`. */
  path: string
  /** What it is attached to could keep the queue; null where nothing could. */
  queueStore: 'redis' | 'database' | null
  /** Where its web service runs, and a worker may. */
  serverId: ServerId
}

/**
 * Variables that make Laravel use what was attached (specification section 12). They are only recommended: what handles the
 * queue is never changed without the user.
 */
export function recommendedVariables(role: AttachmentRole): Record<string, string> {
  switch (role) {
    case 'cache':
      return { CACHE_STORE: 'redis', SESSION_DRIVER: 'redis' }
    case 'queue':
      return { QUEUE_CONNECTION: 'redis' }
    case 'database':
    case 'storage':
    case 'gateway':
    case 'custom':
      return {}
    default:
      return role satisfies never
  }
}

/** What a user should know about the jobs and tasks of an environment; nothing of it is changed for them (specification section 7). */
export function backgroundWarnings(work: BackgroundWork): Warning[] {
  const { path, schedulers } = work
  const queue = queueWarning(work)
  const tasks: Warning = {
    code: 'scheduler_on_every_replica',
    message: `The scheduler runs on every one of ${schedulers} replicas, and so does each task.`,
    hint: 'Use onOneServer() for tasks that must run once, or have one replica tick.',
    request: { method: 'PATCH', path, body: { schedulerMode: 'single' } },
  }
  return [...(queue === null ? [] : [queue]), ...(schedulers > 1 ? [tasks] : [])]
}

function queueWarning({ path, queueConnection, queueStore, hasWorker, serverId }: BackgroundWork): Warning | null {
  if (queueConnection === 'sync' || queueConnection === null) {
    const message =
      queueConnection === 'sync'
        ? 'QUEUE_CONNECTION is sync: jobs run within the requests that dispatch them.'
        : "QUEUE_CONNECTION is not set: Laravel's own default counts, which is sync in many versions."
    const value = queueStore ?? 'redis'
    const first = queueStore === null ? 'Attach a cache as a queue, and set it to redis' : `Set it to ${value}`
    return {
      code: 'queue_is_sync',
      message,
      hint: `${first}${hasWorker ? '' : ', and add a worker service'}.`,
      ...(queueStore === null ? {} : { request: { method: 'PUT', path: `${path}/variables/QUEUE_CONNECTION`, body: { value } } }),
    }
  }
  if (hasWorker || queueConnection === 'null') return null
  return {
    code: 'queue_without_worker',
    message: `QUEUE_CONNECTION is ${queueConnection}, but there is no worker to run the jobs.`,
    hint: 'Add a worker service, or a worker beside the web process.',
    request: { method: 'POST', path: `${path}/services`, body: { name: 'worker', role: 'worker', serverId } },
  }
}
