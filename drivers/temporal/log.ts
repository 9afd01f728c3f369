import { DefaultLogger, type LogLevel } from '@temporalio/worker'
import type { Logger } from 'pino'

const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const satisfies Record<LogLevel, string>

/** The SDK's words among the process's own; what it reports of every bundle and every poll is for those who debug. */
export const sdkLogger = (log: Logger) =>
  new DefaultLogger('INFO', ({ level, message, meta }) => log[level === 'INFO' ? 'debug' : levels[level]]({ ...meta }, message))
