import { ApplicationFailure, CancelledFailure, type Context } from '@temporalio/activity'
import type { ActivityInboundCallsInterceptor, ActivityInterceptors } from '@temporalio/worker'
import type { Logger } from 'pino'
import { asFailure, finalFailure } from './failures.ts'

/** Codes by which Postgres and its driver say that the database is away, or that a transaction should be tried again. */
const passing = /^(08|40|53|55P03|57)|^(ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EHOSTUNREACH|CONNECT|CONNECTION_)/

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
  if (known instanceof ApplicationFailure || known instanceof CancelledFailure || isPassing(known)) return known
  log.error({ err: known, activity }, 'activity failed unexpectedly')
  const message = `${activity} failed: ${known instanceof Error ? known.message : String(known)}`
  return finalFailure({ code: 'unexpected', message, hint: 'This is a fault of Keystone. Its log has the details.' })
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && typeof error.code === 'string' && passing.test(error.code)) return true
  return isPassing(error.cause)
}
