import { ActivityCancellationType, proxyActivities, proxyLocalActivities } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'

/** One proxy per retry class (design section 4), each with its reason. A step's own non-zero exit is never retried. */

/**
 * The database: quick, and an outage of it is waited for. Local activities: the worker runs them within the workflow task, which
 * spares a deploy some forty milliseconds and four events each.
 */
export const control = proxyLocalActivities<Activities>({
  startToCloseTimeout: '15 seconds',
  retry: { initialInterval: '200 milliseconds', backoffCoefficient: 2, maximumInterval: '10 seconds' },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
})

/** A step on a server: what breaks on the way is tried for ten to twenty minutes, a worker that is gone is noticed in ten seconds. */
const overSsh = {
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 1.5, maximumInterval: '10 seconds', maximumAttempts: 70 },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const

/** Short steps: configuration, probes, stopping and removing. */
export const remote = proxyActivities<Activities>({ ...overSsh, startToCloseTimeout: '15 minutes' })

/** Steps that may take long: builds, migrations, installations, the end of a worker's job. */
export const watch = proxyActivities<Activities>({ ...overSsh, startToCloseTimeout: '3 hours' })

/** Whether a server answers at all: a boot is waited for, a minute and as long as its silence takes, and then somebody goes on without it. */
export const knock = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '15 seconds', maximumAttempts: 8 },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
})

/** Machines at a provider: minutes each time, asked for again for about half an hour where it is away or wants to be left alone. */
export const machines = proxyActivities<Activities>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '2 minutes', maximumAttempts: 20 },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
})

/** What others offer over HTTP: asked again for a while where they are away, and left alone until the next schedule then. */
export const provider = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  retry: { initialInterval: '5 seconds', backoffCoefficient: 3, maximumInterval: '2 minutes', maximumAttempts: 4 },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
})

/** A look at a server or a repository: what fails has not been seen, and the next round of the schedule looks again. */
export const observer = proxyActivities<Activities>({
  startToCloseTimeout: '3 minutes',
  retry: { maximumAttempts: 2 },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
})

/** What is not tidied up today is tomorrow. */
export const tidier = proxyActivities<Activities>({
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: '10 seconds',
  retry: { maximumAttempts: 2 },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
})
