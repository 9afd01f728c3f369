import { z } from 'zod'
import type { Secret } from '../../domain/secret.ts'
import { type Challenge, parseChallenges } from './challenge.ts'
import { RegistryError } from './errors.ts'
import { type Answered, type Asked, exchange, type ExchangeOptions } from './exchange.ts'

/** Who asks which registry. */
export interface RegistryAccess {
  /** `https://registry.example.com`, also with a port; `http://…` only where people marked it as insecure. */
  url: string
  /** Null for what a registry gives to everybody. */
  credentials: { username: string; password: Secret } | null
}

/** A path of the registry's API, and what it needs to be allowed, e.g. `repository:team/shop:pull,push`. */
export interface Question extends Pick<Asked, 'method' | 'headers' | 'body'> {
  path: string
  scope?: string
}

export interface Session {
  /** Any answer but those that tell a refusal of the credentials, a limit or an outage: these are thrown as RegistryErrors. */
  ask(question: Question): Promise<Answered>
}

/** `token` by Docker's and GHCR's documents, `access_token` for OAuth 2.0: a token server gives either or both. */
const tokenSchema = z.object({ token: z.string().optional(), access_token: z.string().optional() })

/**
 * Asks with the authentication that the registry wants: none, basic, or a token of its token server for each scope (CNCF
 * distribution, "Token Authentication Specification").
 */
export function openSession({ url, credentials }: RegistryAccess, options: ExchangeOptions): Session {
  const base = new URL(url)
  const authorizations = new Map<string, string>()

  const send = ({ path, headers = {}, scope = '', ...asked }: Question) => {
    const authorization = authorizations.get(scope)
    return exchange({ ...asked, url: new URL(path, base), headers: { ...headers, ...(authorization ? { authorization } : {}) } }, options)
  }

  return {
    async ask(question) {
      const first = await send(question)
      if (first.status !== 401) return judged(base.host, first)
      const authorization = await authorize(base, credentials, first, { scope: question.scope ?? null, options })
      authorizations.set(question.scope ?? '', authorization)
      const second = await send(question)
      // Who was given a token is known: what is missing is a right.
      const isKnown = second.status === 401 && authorization.startsWith('Bearer ')
      if (isKnown && question.scope !== undefined) throw notGranted(base.host, question.scope, second)
      return judged(base.host, second)
    },
  }
}

interface Authorization {
  scope: string | null
  options: ExchangeOptions
}

/** The `Authorization` header that a 401 asks for. */
async function authorize(
  base: URL,
  credentials: RegistryAccess['credentials'],
  { headers }: Answered,
  { scope, options }: Authorization,
): Promise<string> {
  const challenges = parseChallenges(headers['www-authenticate'] ?? '')
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
  if (bearer) return `Bearer ${await fetchToken(tokenUrl(base, bearer, scope), credentials, options)}`
  if (!challenges.some(({ scheme }) => scheme === 'basic')) {
    throw new RegistryError('protocol_error', `${base.host} asks for no authentication that Keystone knows (Bearer, Basic): check the address`)
  }
  if (!credentials) throw refused(base.host, 'it wants a user name and a password')
  return basic(credentials)
}

/** Credentials go to a token server over TLS only, unless the registry itself is without. */
function tokenUrl(base: URL, { parameters }: Challenge, scope: string | null): URL {
  const { realm = '', service } = parameters
  const url = URL.canParse(realm) ? new URL(realm) : null
  if (!url || (url.protocol !== 'https:' && url.protocol !== base.protocol)) {
    throw new RegistryError('protocol_error', `${base.host} names ${JSON.stringify(realm)} as its token server, which Keystone does not ask`)
  }
  if (service !== undefined) url.searchParams.set('service', service)
  if (scope !== null) url.searchParams.set('scope', scope)
  return url
}

async function fetchToken(url: URL, credentials: RegistryAccess['credentials'], options: ExchangeOptions): Promise<string> {
  const answer = await exchange({ method: 'GET', url, ...(credentials ? { headers: { authorization: basic(credentials) } } : {}) }, options)
  // GHCR says 403 where others say 401.
  if (answer.status === 401 || answer.status === 403) throw refused(url.host, `its token server answers ${answer.status}${saying(answer)}`)
  const { status, body } = judged(url.host, answer)
  const token = status === 200 ? tokenSchema.safeParse(parsedJson(body)).data : undefined
  const text = token?.token ?? token?.access_token
  if (!text) throw new RegistryError('protocol_error', `the token server ${url.host} answers ${status} without a token: check the address`)
  return text
}

const basic = ({ username, password }: NonNullable<RegistryAccess['credentials']>): string =>
  `Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}`

const refused = (host: string, reason: string): RegistryError =>
  new RegistryError('authentication_failed', `${host} does not accept the user name and password: ${reason}`)

const notGranted = (host: string, scope: string, answer: Answered): RegistryError =>
  new RegistryError('access_denied', `${host} does not grant this user ${scope}${saying(answer)}: check the name and the user's rights`)

function judged(host: string, answer: Answered): Answered {
  const { status, headers } = answer
  if (status === 401) throw refused(host, `it answers 401${saying(answer)}`)
  if (status === 429) {
    const retryAfterSeconds = secondsIn(headers['retry-after'])
    const until = retryAfterSeconds === null ? 'try again later' : `try again in ${retryAfterSeconds} s`
    throw new RegistryError('rate_limited', `${host} limits how often it is asked${saying(answer)}: ${until}, or use an account with a higher limit`, { retryAfterSeconds })
  }
  if (status >= 500) throw new RegistryError('unavailable', `${host} answers ${status}${saying(answer)}: try again, or ask its operator`)
  return answer
}

/** `Retry-After` (RFC 9110, section 10.2.3): seconds or a date. */
function secondsIn(text: string | undefined): number | null {
  if (text === undefined) return null
  if (/^\d+$/.test(text)) return Number(text)
  const date = Date.parse(text)
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - Date.now()) / 1000))
}

const errorsSchema = z.object({ errors: z.array(z.object({ code: z.string(), message: z.string().optional() })).min(1) })

/** The registry's own words on what is wrong (OCI distribution specification, section "Error codes"), for people to read. */
export function saying({ body }: Answered): string {
  const [first] = errorsSchema.safeParse(parsedJson(body)).data?.errors ?? []
  if (!first) return ''
  return ` (${[first.code, first.message].filter(Boolean).join(': ').replaceAll(/\p{Cc}/gu, ' ').slice(0, 200)})`
}

function parsedJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return null
  }
}
