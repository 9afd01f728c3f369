import { createRoute, z } from '@hono/zod-openapi'
import { createOperationChanges } from '../../db/operation-changes.ts'
import { isKnownCursor, readLogs } from '../../db/operation-logs.ts'
import { type LogCursor, logStart } from '../../domain/log-cursor.ts'
import { requires } from '../authentication.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { eventStream } from '../event-stream.ts'
import { operationIn } from '../in-organisation.ts'
import { logText } from '../log-text.ts'
import { operationEvents } from '../operation-events.ts'
import { createOperationFeed } from '../operation-feed.ts'
import { Problem } from '../problem.ts'
import { json } from '../schemas/content.ts'
import { logCursor, logPageSchema, logQuery, presentLogs } from '../schemas/log.ts'
import { oneOperation } from '../schemas/params.ts'
import { logProblems, readProblems, watchProblems } from '../schemas/problem.ts'
import { createViewers } from '../viewers.ts'

const path = '/organisations/{organisationId}/operations/{operationId}'
const tags = ['Operations']
/** No literal type: Hono would want the output as one string. */
const plainText: string = 'text/plain; charset=utf-8'

const logs = createRoute({
  method: 'get',
  path: `${path}/logs`,
  tags,
  summary: 'Output of all steps of an operation, in order of arrival',
  middleware: requires('viewer'),
  request: { params: oneOperation, query: logQuery },
  responses: { 200: json('A page of output', logPageSchema), ...logProblems },
})

const text = createRoute({
  method: 'get',
  path: `${path}/logs.txt`,
  tags,
  summary: 'The whole output of an operation so far, as text',
  middleware: requires('viewer'),
  request: { params: oneOperation },
  responses: { 200: { description: 'The output', content: { [plainText]: { schema: z.string() } } }, ...readProblems },
})

const eventSchema = z
  .object({
    event: z.enum(['operation', 'logs', 'end']),
    id: z.string().optional(),
    data: z.string().openapi({ description: 'JSON.' }),
  })
  .openapi('OperationEvent')

const events = createRoute({
  method: 'get',
  path: `${path}/events`,
  tags,
  summary: 'What happens in an operation, as it happens',
  description: [
    'Server-sent events: `operation` has the whole OperationTree whenever it changed, `logs` a list of LogChunk, `end` the final status.',
    'Who comes back with Last-Event-ID gets no output twice and misses none.',
  ].join(' '),
  middleware: requires('viewer'),
  request: {
    params: oneOperation,
    headers: z.object({ 'last-event-id': logCursor.default(logStart)
      .openapi({ type: 'string', minLength: 1, description: 'The id of the last event that came.' }) }),
  },
  responses: { 200: { description: 'The events', content: { 'text/event-stream': { schema: eventSchema } } }, ...watchProblems },
})

/** A client of EventSource comes back by itself; then its token is looked at again. */
const longestStreamMinutes = 30

export function operationLogRoutes(deps: ApiDependencies) {
  const { db, sql, closing } = deps
  const changes = createOperationChanges(sql)
  const feed = createOperationFeed(deps)
  const viewers = createViewers({ most: deps.mostViewers, closing })
  return createRouter()
    .openapi(logs, async (c) => {
      const operation = await operationIn(deps, c, c.req.valid('param').operationId)
      const { after } = c.req.valid('query')
      await refuseUnknown(deps, after)
      return c.json(presentLogs(await readLogs(db, operation.id, after)), 200)
    })

    .openapi(text, async (c) => {
      const operation = await operationIn(deps, c, c.req.valid('param').operationId)
      return c.body(ReadableStream.from(logText(db, operation)), 200, { 'content-type': plainText })
    })

    .openapi(events, async (c) => {
      viewers.refuseWhenFull()
      const operation = await operationIn(deps, c, c.req.valid('param').operationId)
      const from = c.req.valid('header')['last-event-id']
      await refuseUnknown(deps, from)
      const signal = AbortSignal.any([closing, c.req.raw.signal, AbortSignal.timeout(longestStreamMinutes * 60_000)])
      const happening = operationEvents(operation, { feed, changes, signal, from })
      const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
      const cutOff = () => void c.env?.outgoing?.destroy()
      const stream = eventStream(happening, { log: c.var.log, cutOff })
      return c.body(ReadableStream.from(viewers.watching(stream, cutOff)), 200, headers)
    })
}

/** Whoever went on from there would miss what is written until then. */
async function refuseUnknown({ db }: ApiDependencies, cursor: LogCursor): Promise<void> {
  if (await isKnownCursor(db, cursor)) return
  throw new Problem(410, 'cursor_unknown', 'Keystone has been set back to a state before this cursor: read from the beginning, without it.')
}
