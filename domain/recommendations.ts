import type { AttachmentRole } from './services.ts'

/** How an environment will run what does not happen in a request. */
export interface BackgroundWork {
  /** QUEUE_CONNECTION as the application will see it; null where nobody sets it. */
  queueConnection: string | null
  /** A worker service, or a worker beside each web replica. */
  hasWorker: boolean
  /** How many replicas will tick. */
  schedulers: number
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
export function backgroundWarnings({ queueConnection, hasWorker, schedulers }: BackgroundWork): string[] {
  const queue = queueWarning(queueConnection, hasWorker)
  const tasks =
    `The scheduler runs on every one of ${schedulers} replicas, and so does each task: ` +
    'use onOneServer() for those that must run once.'
  return [...(queue === null ? [] : [queue]), ...(schedulers > 1 ? [tasks] : [])]
}

function queueWarning(connection: string | null, hasWorker: boolean): string | null {
  const toWorker = hasWorker ? '' : ' and add a worker service'
  if (connection === 'sync') {
    return `QUEUE_CONNECTION is sync: jobs run within the requests that dispatch them. Set it to a queue such as redis${toWorker}.`
  }
  if (connection === null) {
    return `QUEUE_CONNECTION is not set: Laravel's own default counts, which is sync in many versions. Set it to a queue such as redis${toWorker}.`
  }
  if (hasWorker || connection === 'null') return null
  return `QUEUE_CONNECTION is ${connection}, but there is no worker to run the jobs: add a worker service, or a worker beside the web process.`
}
