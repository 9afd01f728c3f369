import { createParser } from 'eventsource-parser'
import { z } from 'zod'

/** What the API answered instead of success: its problem+json (RFC 9457). */
class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly status: number
  readonly code: string
  /** The whole answer. */
  readonly problem: unknown

  constructor(request: string, status: number, problem: unknown) {
    const { code, detail } = problemSchema.parse(problem)
    super(`${request}: ${status} ${code}: ${detail}`)
    this.status = status
    this.code = code
    this.problem = problem
  }
}

const problemSchema = z
  .object({ code: z.string(), detail: z.string() })
  .catch({ code: 'unknown', detail: 'the answer is not a problem' })

/** An event of a stream; `id` is what the stream can be resumed from. */
export interface ServerSentEvent {
  event: string
  id: string | undefined
  data: unknown
}

/** Keystone's API as any program meets it; `path` begins with a slash. Functions throw ApiProblem. */
export interface ApiClient {
  get<Answer>(path: string, answer: z.ZodType<Answer>): Promise<Answer>
  post<Answer>(path: string, body: unknown, answer: z.ZodType<Answer>): Promise<Answer>
  put(path: string, body: unknown): Promise<unknown>
  patch(path: string, body: unknown): Promise<void>
  delete<Answer>(path: string, answer: z.ZodType<Answer>): Promise<Answer>
  text(path: string): Promise<string>
  /** Ends when the server ends the stream or goes away. */
  events(path: string, lastEventId: string | undefined): AsyncGenerator<ServerSentEvent>
}

interface Sent {
  body?: unknown
  headers?: Record<string, string>
}

/** A client of the API at `url`, in the name of the token's holder. */
export function createApiClient(url: string, token: string): ApiClient {
  const authorization = `Bearer ${token}`
  const send = async (method: string, path: string, { body, headers = {} }: Sent = {}) => {
    const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const all = { authorization, ...content.headers, ...headers }
    const response = await fetch(`${url}${path}`, { method, ...content, headers: all })
    if (!response.ok) throw new ApiProblem(`${method} ${path}`, response.status, await response.json().catch(() => null))
    return response
  }
  return {
    get: async (path, answer) => answer.parse(await (await send('GET', path)).json()),
    post: async (path, body, answer) => answer.parse(await (await send('POST', path, { body })).json()),
    put: async (path, body) => (await send('PUT', path, { body })).json(),
    patch: async (path, body) => void (await (await send('PATCH', path, { body })).arrayBuffer()),
    delete: async (path, answer) => answer.parse(await (await send('DELETE', path)).json()),
    text: async (path) => (await send('GET', path)).text(),
    async *events(path, lastEventId) {
      const { body } = await send('GET', path, { headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId } })
      if (body) yield* eventsIn(body)
    },
  }
}

async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const parsed: ServerSentEvent[] = []
  const parser = createParser({
    onEvent: ({ event = 'message', id, data }) => parsed.push({ event, id, data: JSON.parse(data) }),
  })
  const decoder = new TextDecoder()
  for await (const bytes of body) {
    parser.feed(decoder.decode(bytes, { stream: true }))
    yield* parsed.splice(0)
  }
}
