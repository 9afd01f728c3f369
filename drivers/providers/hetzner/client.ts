import type { z } from 'zod'
import type { Secret } from '../../../domain/secret.ts'
import { ProviderError } from '../errors.ts'
import { errorOf, label } from './errors.ts'
import { pageSchema } from './replies.ts'

interface Asked {
  method: 'GET' | 'POST' | 'DELETE'
  /** Below the endpoint, `/servers`. */
  path: string
  query?: Readonly<Record<string, string>>
  body?: object
}

/** Asks for one project. Both throw ProviderErrors; nothing is asked a second time here. */
export interface HetznerClient {
  ask<Reply>(asked: Asked, reply: z.ZodType<Reply>): Promise<Reply>
  /** All pages of a list, which stands in the reply under `name`. */
  list<Item>(asked: { path: string; name: string; query?: Asked['query'] }, item: z.ZodType<Item>): Promise<Item[]>
}

interface ClientOptions {
  /** `https://api.hetzner.cloud/v1` */
  endpoint: string
  timeoutSeconds: number
  token: Secret
  signal?: AbortSignal | undefined
}

/** The most that the API gives at once. */
const perPage = '50'

export function createClient({ endpoint, timeoutSeconds, token, signal }: ClientOptions): HetznerClient {
  const send = async ({ method, path, query = {}, body }: Asked): Promise<unknown> => {
    const timeout = AbortSignal.timeout(timeoutSeconds * 1000)
    const content = body === undefined ? {} : { body: JSON.stringify(body) }
    const headers = { authorization: `Bearer ${token.reveal()}`, 'user-agent': 'keystone', ...(body ? { 'content-type': 'application/json' } : {}) }
    const options = { method, headers, ...content, redirect: 'error', signal: AbortSignal.any([timeout, ...(signal ? [signal] : [])]) } as const
    try {
      const answer = await fetch(`${endpoint}${path}${queryText(query)}`, options)
      const reply = parsed(await answer.text())
      if (!answer.ok) throw errorOf(answer.status, answer.headers, reply)
      if (reply === undefined) throw new ProviderError('unavailable', `${label}: its answer to ${method} ${path} is not whole: it is tried again`)
      return reply
    } catch (error) {
      if (error instanceof ProviderError) throw error
      signal?.throwIfAborted()
      throw unreachable(error, timeout.aborted ? `no whole answer within ${timeoutSeconds} s` : reasonOf(error))
    }
  }
  const client: HetznerClient = {
    ask: async (asked, reply) => understood(asked, await send(asked), reply),

    async list({ path, name, query }, item) {
      const found: z.infer<typeof item>[] = []
      for (let page: number | null = 1; page !== null; ) {
        const asked: Asked = { method: 'GET', path, query: { ...query, page: `${page}`, per_page: perPage } }
        const reply: unknown = await send(asked)
        found.push(...understood(asked, member(reply, name), item.array()))
        page = understood(asked, reply, pageSchema).meta.pagination.next_page
      }
      return found
    },
  }
  return client
}

const queryText = (query: Readonly<Record<string, string>>): string => {
  const text = new URLSearchParams(query).toString()
  return text === '' ? '' : `?${text}`
}

/** Null where there is nothing, undefined where that is no JSON, for instance since its end is missing. */
function parsed(text: string): unknown {
  if (text === '') return null
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const member = (reply: unknown, name: string): unknown => (typeof reply === 'object' && reply !== null ? new Map(Object.entries(reply)).get(name) : undefined)

function understood<Reply>({ method, path }: Asked, reply: unknown, schema: z.ZodType<Reply>): Reply {
  const { data, error } = schema.safeParse(reply)
  if (!error) return data
  const issues = error.issues.map(({ path: where, message }) => `${where.join('.')} ${message}`).join('; ')
  throw new ProviderError('protocol_error', `${label}: its answer to ${method} ${path} is not understood (${issues.slice(0, 300)}): Keystone may need to be newer`)
}

const unreachable = (cause: unknown, reason: string): ProviderError =>
  new ProviderError('unreachable', `${label} cannot be reached (${reason}): it is tried again; see whether Keystone may reach it`, { cause })

/** fetch hides the network's error one level down. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'the connection broke off'
}
