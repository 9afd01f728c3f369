import { DrizzleQueryError } from 'drizzle-orm'
import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino'

/** One line of JSON for each event. Headers, bodies and parameters of queries never get here: they may hold secrets. */
export const createLog = (level: string, to: DestinationStream = pino.destination(1)): Logger =>
  pino({ level, name: 'api', serializers: { err: describe } }, to)

/** A failed query is told by its text and its cause. */
function describe(error: Error): object {
  if (!(error instanceof DrizzleQueryError)) return stdSerializers.err(error)
  const cause = error.cause ?? new Error('the query failed')
  return { ...stdSerializers.err(cause), query: error.query }
}
