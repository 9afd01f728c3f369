import { createRoute, z } from '@hono/zod-openapi'
import { logSources } from '../../db/log-sources.ts'
import { serversAmong } from '../../db/servers.ts'
import type { EnvironmentId } from '../../domain/ids.ts'
import { sinceBehind } from '../../drivers/services/container-logs.ts'
import { requires } from '../authentication.ts'
import { type ApiContext, type ApiDependencies, createRouter } from '../context.ts'
import { encodeEvent, eventStream, quietEvent } from '../event-stream.ts'
import { environmentIn } from '../in-organisation.ts'
import { createLogReaders } from '../log-readers.ts'
import { invalidField } from '../problem.ts'
import { byTime, type LogAsk, type RuntimeNews, runtimeLogs } from '../runtime-logs.ts'
import { json } from '../schemas/content.ts'
import { oneEnvironment } from '../schemas/params.ts'
import { viewerProblems } from '../schemas/problem.ts'
import { presentLine, presentSilent, runtimeEventSchema, runtimeLogQuery, runtimeLogsSchema } from '../schemas/runtime-log.ts'

const path = '/organisations/{organisationId}/environments/{environmentId}/logs'
const tags = ['Environments']
// Applications write what their users do, and secrets that Keystone does not know: not for whoever may look at all.
const middleware = requires('deployer')

const read = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'What the containers of an environment have written, on all its servers',
  description: 'Read from the servers themselves, which keep the last 30 MB of each container for as long as it is there. Problems: too_many_viewers.',
  middleware,
  request: { params: oneEnvironment, query: runtimeLogQuery },
  responses: { 200: json('Lines in the order of time', runtimeLogsSchema), ...viewerProblems },
})

const lastLine = z.iso.datetime('must be the id of an event')

const follow = createRoute({
  method: 'get',
  path: `${path}/events`,
  tags,
  summary: 'What the containers of an environment write, as they write it',
  description:
    'Server-sent events: `lines` has a list of RuntimeLine, first of what is there already, in the order of time; `silent` a SilentServer whose ' +
    'lines are missing for now; `end` says that none is left to wait for. Containers that are started later are among it. Who comes back with ' +
    'Last-Event-ID goes on behind the last line. The stream ends after half an hour. Problems: too_many_viewers.',
  middleware,
  request: {
    params: oneEnvironment,
    query: runtimeLogQuery,
    headers: z.object({ 'last-event-id': lastLine.optional().openapi({ description: 'The id of the last event that came.' }) }),
  },
  responses: { 200: { description: 'The events', content: { 'text/event-stream': { schema: runtimeEventSchema } } }, ...viewerProblems },
})

const longestReadSeconds = 30
/** A client of EventSource comes back by itself; then its token is looked at again. */
const longestStreamSeconds = 30 * 60
const mostAnswerBytes = 4 * 1024 * 1024

type Query = z.output<typeof runtimeLogQuery>

export function runtimeLogRoutes(deps: ApiDependencies) {
  const readers = createLogReaders()
  /** Aborts when the viewer goes, the process ends, the time is over, or `leave` is called. */
  const viewing = (c: ApiContext, longestSeconds: number): Viewing => {
    const left = new AbortController()
    const signal = AbortSignal.any([deps.closing, c.req.raw.signal, left.signal, AbortSignal.timeout(longestSeconds * 1000)])
    readers.enter(c.var.organisation.id, signal)
    return { signal, leave: () => left.abort() }
  }
  return createRouter()
    .openapi(read, async (c) => {
      const { id } = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const asked = await askOf(deps, c, id, { ...c.req.valid('query'), isFollowed: false })
      const { signal, leave } = viewing(c, longestReadSeconds)
      const answer = await collected(runtimeLogs(deps, { ...asked, signal })).finally(leave)
      return c.json(answer, 200)
    })

    .openapi(follow, async (c) => {
      const { id } = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const asked = await askOf(deps, c, id, { ...c.req.valid('query'), ...behind(c.req.valid('header')['last-event-id']), isFollowed: true })
      const { signal, leave } = viewing(c, longestStreamSeconds)
      const happening = told(runtimeLogs(deps, { ...asked, signal }), { signal, leave })
      const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
      return c.body(ReadableStream.from(eventStream(happening, { log: c.var.log, cutOff: () => void c.env?.outgoing?.destroy() })), 200, headers)
    })
}

async function askOf({ db, keyring }: ApiDependencies, c: ApiContext, environmentId: EnvironmentId, wished: Query & { isFollowed: boolean }): Promise<Omit<LogAsk, 'signal'>> {
  const sources = await logSources(db, keyring, environmentId)
  const { serviceId = null, replicaId = null, since = null, tail, isFollowed } = wished
  if (serviceId !== null && !sources.services.has(serviceId)) throw invalidField('serviceId', 'is no service of this environment', 'unknown_service')
  if (replicaId !== null && !sources.replicaIds.includes(replicaId)) throw invalidField('replicaId', 'is no replica of this environment', 'unknown_replica')
  const serversToAsk = await serversAmong(db, c.var.organisation.id, sources.serverIds)
  return { serversToAsk, sources, reread: () => logSources(db, keyring, environmentId), wish: { environmentId, serviceId, replicaId, since, tail, isFollowed } }
}

/** As much of it as one may ask for. */
const behind = (id: string | undefined): Partial<Query> => (id === undefined ? {} : { since: sinceBehind(id), tail: 1000 })

async function collected(news: AsyncIterable<RuntimeNews>): Promise<z.infer<typeof runtimeLogsSchema>> {
  const answer: z.infer<typeof runtimeLogsSchema> = { items: [], silent: [], isCut: false }
  let bytes = 0
  for await (const one of news) {
    if (one === 'quiet') continue
    if ('silent' in one) answer.silent.push(presentSilent(one.silent))
    else {
      answer.items.push(...one.lines.map(presentLine))
      bytes += one.lines.reduce((sum, { text }) => sum + text.length, 0)
    }
    answer.isCut = bytes >= mostAnswerBytes
    if (answer.isCut) break
  }
  return { ...answer, items: byTime(answer.items) }
}

interface Viewing {
  signal: AbortSignal
  leave: () => void
}

/** `end`: no server is left that could tell anything; who comes back hears the same. */
async function* told(news: AsyncIterable<RuntimeNews>, { signal, leave }: Viewing): AsyncGenerator<Uint8Array> {
  try {
    for await (const one of news) {
      if (one === 'quiet') yield quietEvent
      else if ('silent' in one) yield encodeEvent({ event: 'silent', data: presentSilent(one.silent) })
      else yield encodeEvent({ event: 'lines', ...idOf(one.lines.at(-1)?.at), data: one.lines.map(presentLine) })
    }
    if (!signal.aborted) yield encodeEvent({ event: 'end', data: null })
  } finally {
    leave()
  }
}

const idOf = (at: string | undefined): { id?: string } => (at === undefined ? {} : { id: at })
