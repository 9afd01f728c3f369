import { ApplicationFailure, CancelledFailure, type Context } from '@temporalio/activity'
import type { ActivityInboundCallsInterceptor, ActivityInterceptors } from '@temporalio/worker'
import type { Logger } from 'pino'
import { asFailure, finalFailure, passingFailure } from './failures.ts'

/** Codes by which Postgres and its driver say that the database is away, or that a transaction should be tried again. */
const passing = /^(08|40|53|55P03|57)|^(ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CONNECT|CONNECTION_)/

/**
 * Says of every error whether trying again can help: what the drivers say by code, what the database says of itself. All the rest
 * is a fault of ours; it fails at once and loudly instead of being repeated for hours.
 */
export function classifyErrors(log: Logger): (context: Context) => ActivityInterceptors {
  return ({ info }) => {
    const inbound: ActivityInboundCallsInterceptor = {
      async execute(input, next) {
        try {
          return await next(input)
        } catch (error) {
          throw classified(error, info.activityType, log)
        }
      },
    }
    return { inbound }
  }
}

function classified(error: unknown, activity: string, log: Logger): unknown {
  const known = asFailure(error, activity)
  if (known instanceof ApplicationFailure || known instanceof CancelledFailure) return known
  const message = `${activity} failed: ${firstCause(known).slice(0, 1000)}`
  if (isPassing(known)) return passingFailure({ code: 'database_away', message, hint: 'It is tried again by itself.' })
  log.error({ err: known, activity }, 'activity failed unexpectedly')
  return finalFailure({ code: 'unexpected', message, hint: 'This is a fault of Keystone. Its log has the details.' })
}

/** What it began with; what wraps it may quote a whole query with its values, which no history is to hold. */
function firstCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : firstCause(error.cause)
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && typeof error.code === 'string' && passing.test(error.code)) return true
  return isPassing(error.cause)
}
