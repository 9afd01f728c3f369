import { randomBytes } from 'node:crypto'
import type { OpenAPIHono } from '@hono/zod-openapi'
import { expect } from 'vitest'
import { createApp } from '../../api/app.ts'
import type { ApiEnv } from '../../api/context.ts'
import { createLog } from '../../api/log.ts'
import { createOrganisation } from '../../db/access.ts'
import { ensureOwner } from '../../db/owner.ts'
import { apiTokens, memberships, users } from '../../db/schema/index.ts'
import { newToken } from '../../db/tokens.ts'
import type { Role } from '../../domain/access.ts'
import type { OrganisationId, UserId } from '../../domain/ids.ts'
import type { Keyring } from '../../domain/keyring.ts'
import { createDnsResolver } from '../../drivers/dns/resolver.ts'
import { createProviders } from '../../drivers/providers/registry.ts'
import { createRegistryDriver } from '../../drivers/registries/driver.ts'
import { createKeyring } from '../../drivers/secrets/keyring.ts'
import { createSourceDriver } from '../../drivers/sources/driver.ts'
import { probeHostKey } from '../../drivers/ssh/host-key.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'
import { nowhere } from '../no-providers.ts'

export interface ProblemBody {
  status: number
  code: string
  detail: string
  errors: { field: string; message: string }[]
  [member: string]: unknown
}

export interface Answer<Body> {
  status: number
  headers: Headers
  body: Body
}

interface Request {
  body?: unknown
  /** Null: none at all. */
  token?: string | null
  headers?: Record<string, string>
  /** The address that the request comes from. */
  from?: string
}

/** The whole API over a database of its own, as a client sees it: `ask` speaks for the owner unless a token is given. */
export interface TestApi {
  app: OpenAPIHono<ApiEnv>
  database: TestDatabase
  /** What the API seals with. */
  keyring: Keyring
  organisationId: OrganisationId
  /** `/organisations/{organisationId}` */
  root: string
  ownerToken: string
  ask<Body = ProblemBody>(method: string, path: string, request?: Request): Promise<Answer<Body>>
  /** POST of what must succeed. */
  make<Body = { id: string }>(path: string, body?: unknown): Promise<Body>
  /** A token of a new user with this role. */
  tokenOf(role: Role, options?: { organisationId?: OrganisationId; scopes?: Role[]; bound?: boolean; expiresAt?: Date; revokedAt?: Date }): Promise<string>
  anotherOrganisation(): Promise<{ id: OrganisationId; root: string; token: string }>
  /** Everything that is stored, by table: equal before and after what must change nothing. */
  stored(): Promise<Record<string, string>>
  /** What was logged so far. */
  logged(): string
  close(): Promise<void>
}

interface Outside {
  /** Asked for domains, as `address:port`. */
  dnsServers?: string[]
  /** Asked for machines. */
  hetznerEndpoint?: string
  /** Believed where a request is from. */
  trustedProxies?: string[]
  mostViewers?: number
}

export async function createTestApi({ dnsServers = [], hetznerEndpoint = nowhere, trustedProxies = [], mostViewers = 100 }: Outside = {}): Promise<TestApi> {
  const database = await createTestDatabase()
  const { db, sql } = database
  const closing = new AbortController()
  const keyring = createKeyring({ current: 'test', keys: { test: randomBytes(32).toString('base64') } })
  const ssh = createSshPool({ idleCloseSeconds: 5, keepaliveSeconds: 5, connectTimeoutSeconds: 5 })
  const lines: string[] = []
  const app = createApp({
    ...{ db, sql, ssh, probeHostKey, closing: closing.signal },
    keyring,
    sources: createSourceDriver({ timeoutSeconds: 5 }),
    registries: createRegistryDriver({ timeoutSeconds: 5 }),
    providers: createProviders({ hetzner: { endpoint: hetznerEndpoint, timeoutSeconds: 5 } }),
    dns: createDnsResolver({ servers: dnsServers }),
    trustedProxies,
    mostViewers,
    temporal: { namespace: 'default', webUrl: 'http://temporal.test' },
    log: createLog('info', { write: (line) => void lines.push(line) }),
  })
  const ownerToken = (await ensureOwner(db))!.reveal()
  const ask: TestApi['ask'] = async <Body>(method: string, path: string, { body, token = ownerToken, headers = {}, from }: Request = {}) => {
    const sent = new Headers({ ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers })
    if (body !== undefined && !sent.has('content-type')) sent.set('content-type', 'application/json')
    const content = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const response = await app.request(path, { method, ...content, headers: sent }, from === undefined ? {} : { incoming: { socket: { remoteAddress: from }, headers } })
    expectDocumented(app, method, path, response)
    return { status: response.status, headers: response.headers, body: (await response.json()) as Body }
  }
  const make: TestApi['make'] = async <Body>(path: string, body?: unknown) => {
    const answer = await ask<Body>('POST', path, { body })
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
    return answer.body
  }
  const tokenOf: TestApi['tokenOf'] = async (role, { organisationId: id = organisationId, bound = false, ...token } = {}) => {
    const userId = await member(database, id, role)
    const { text, prefix, hash } = newToken()
    await db.insert(apiTokens).values({ userId, name: role, prefix, hash, organisationId: bound ? id : null, ...token })
    return text.reveal()
  }
  const organisations = await ask<{ items: { id: OrganisationId }[] }>('GET', '/organisations')
  const organisationId = organisations.body.items[0]!.id
  return {
    ...{ app, database, keyring, organisationId, ownerToken, ask, make, tokenOf },
    root: `/organisations/${organisationId}`,
    async anotherOrganisation() {
      const name = `other ${randomBytes(3).toString('hex')}`
      const userId = await newUser(database)
      const { id } = await createOrganisation(db, { name, userId })
      return { id, root: `/organisations/${id}`, token: await tokenOf('owner', { organisationId: id }) }
    },
    stored: () => contents(database),
    logged: () => lines.join(''),
    async close() {
      closing.abort()
      await ssh.close()
      await database.close()
    },
  }
}

async function newUser({ db }: TestDatabase): Promise<UserId> {
  const name = randomBytes(6).toString('hex')
  const [user] = await db.insert(users).values({ email: `${name}@example.com`, name }).returning()
  return user!.id
}

async function member(database: TestDatabase, organisationId: OrganisationId, role: Role): Promise<UserId> {
  const userId = await newUser(database)
  await database.db.insert(memberships).values({ organisationId, userId, role })
  return userId
}

/** Tokens remember when they were used last, and attempts are counted: these do not count. */
async function contents({ sql }: TestDatabase): Promise<Record<string, string>> {
  const rows = await sql<{ name: string; content: string }[]>`
    select tablename as name, md5(query_to_xml(format('select * from %I t order by t::text', tablename), true, false, '')::text) as content
    from pg_tables where schemaname = 'public' and tablename not in ('api_tokens', 'rate_limits')`
  return Object.fromEntries(rows.map(({ name, content }) => [name, content]))
}

/** No answer of a route below an organisation is a surprise to those who read the document. */
function expectDocumented(app: OpenAPIHono<ApiEnv>, method: string, path: string, response: Response): void {
  const route = documentedRoutes(app).find((one) => one.method === method && one.pattern.test(path))
  if (!route) return
  const type = response.headers.get('content-type')?.split(';')[0]
  expect(route.answers, `${method} ${route.path} answers ${response.status} ${type}`).toContain(`${response.status} ${type}`)
}

interface DocumentedRoute {
  method: string
  path: string
  pattern: RegExp
  /** Status and content type. */
  answers: string[]
}

const documented = new WeakMap<OpenAPIHono<ApiEnv>, DocumentedRoute[]>()

function documentedRoutes(app: OpenAPIHono<ApiEnv>): DocumentedRoute[] {
  const known = documented.get(app)
  if (known) return known
  const { paths = {} } = app.getOpenAPI31Document({ openapi: '3.1.0', info: { title: '', version: '' } })
  const routes = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, { responses: Record<string, { content?: object }> }>).map(([method, { responses }]) => ({
      ...{ method: method.toUpperCase(), path, pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/?]+')}(\\?.*)?$`) },
      answers: Object.entries(responses).flatMap(([status, { content = {} }]) => Object.keys(content).map((type) => `${status} ${type.split(';')[0]}`)),
    })),
  )
  documented.set(app, routes)
  return routes
}
