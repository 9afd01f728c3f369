import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createProject, type FakeProject, type Machines } from './project.ts'
import { Refusal } from './refusal.ts'
import { answerTo, type Answered } from './routes.ts'

/** Nothing happens, and the answer says so: 500, 502, 504, 409, 429, or the API's refusal by a code. */
export type Refused = 'server_error' | 'bad_gateway' | 'gateway_timeout' | 'conflict' | 'rate_limited' | { status: number; code: string }

/** What goes wrong with a request. */
export type Fault =
  | { refused: Refused }
  /** The connection breaks off before anything has happened, after all of it has, or while it is still to come. */
  | 'dropped'
  | 'lost'
  | 'late'
  /** It has happened; half of the answer arrives, or none ever. */
  | 'cut'
  | 'silent'
  /** It is accepted, and this action of it fails afterwards. */
  | { failing: 'create_server' | 'attach_to_network' | 'start_server' }

/** A request as tests see it: `POST /servers`, and the how many-th it is. */
export interface Seen {
  route: string
  index: number
}

/** The Hetzner Cloud API for one project, as far as Keystone and Hetzner's own client use it. */
export interface FakeHetzner {
  endpoint: string
  token: string
  readOnlyToken: string
  project: FakeProject
  /** Requests so far, as `POST /servers`. */
  asked: string[]
  /** Decides on every request; null: nothing goes wrong. */
  fault: (seen: Seen) => Fault | null
  /** How long an action takes. */
  actionMilliseconds: number
  /** Requests that are left of the hour's. */
  left: number
  close(): Promise<void>
}

const requestsPerHour = 3600

/** Whoever lost an answer has looked again by then. */
const lateMilliseconds = 40

export async function openFakeHetzner({ machines = null }: { machines?: Machines | null } = {}): Promise<FakeHetzner> {
  const server = createServer((request, answer) => void handle(fake, request, answer))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const fake: FakeHetzner = {
    ...{ endpoint: `http://127.0.0.1:${port}/v1`, token: 'a-token-of-the-fake-project', readOnlyToken: 'a-token-that-only-reads' },
    project: createProject({ actionMilliseconds: () => fake.actionMilliseconds, machines }),
    ...{ asked: [], fault: () => null, actionMilliseconds: 10, left: requestsPerHour },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return fake
}

async function handle(fake: FakeHetzner, request: IncomingMessage, answer: ServerResponse): Promise<void> {
  const { method = '', url = '' } = request
  const sent = await text(request)
  const { pathname, searchParams: query } = new URL(url, fake.endpoint)
  const path = pathname.replace('/v1', '')
  fake.asked.push(`${method} ${path}`)
  const fault = fake.fault({ route: `${method} ${path.replaceAll(/\d+/g, '{id}')}`, index: fake.asked.length - 1 })
  const failing = typeof fault === 'object' && fault && 'failing' in fault ? fault.failing : null
  const act = () => answered(fake, request, { method, path, query, body: sent === '' ? {} : JSON.parse(sent), failing })

  if (fault === 'late') setTimeout(act, lateMilliseconds)
  else if (fault !== 'dropped') {
    const { status, body } = typeof fault === 'object' && fault && 'refused' in fault ? refusedBy(fault.refused) : act()
    const content = typeof body === 'string' ? body : JSON.stringify(body ?? '')
    if (fault === 'silent') return
    if (fault !== 'lost') {
      const type = body === null ? {} : { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json' }
      answer.writeHead(status, { ...headers(fake, status), ...type })
      answer.end(body === null ? '' : fault === 'cut' ? content.slice(0, content.length / 2) : content)
      return
    }
  }
  request.socket.destroy()
}

function answered(fake: FakeHetzner, request: IncomingMessage, asked: Parameters<typeof answerTo>[1]): Answered {
  try {
    admit(fake, request)
    return answerTo(fake.project, asked)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return refusal(error)
  }
}

const refusal = ({ status, code, message, details }: Refusal): Answered => ({ status, body: { error: { code, message, details } } })

function admit(fake: FakeHetzner, { headers: { authorization }, method }: IncomingMessage): void {
  if (fake.left <= 0) throw new Refusal(429, 'rate_limit_exceeded', 'limit of 3600 requests per hour reached')
  fake.left -= 1
  const token = authorization?.replace(/^Bearer /, '')
  if (token === fake.readOnlyToken && method !== 'GET') throw new Refusal(403, 'token_readonly', 'token is only allowed to perform GET requests')
  if (token !== fake.token && token !== fake.readOnlyToken) throw new Refusal(401, 'unauthorized', 'the token you have provided is invalid')
}

function refusedBy(refused: Refused): { status: number; body: object | string } {
  const told = (status: number, code: string) => ({ status, body: { error: { code, message: `the test wants ${code}`, details: null } } })
  switch (refused) {
    case 'server_error':
      return told(500, 'server_error')
    case 'bad_gateway':
      return { status: 502, body: '<html>502 Bad Gateway</html>' }
    case 'gateway_timeout':
      return told(504, 'timeout')
    case 'conflict':
      return told(409, 'conflict')
    case 'rate_limited':
      return told(429, 'rate_limit_exceeded')
    default:
      return told(refused.status, refused.code)
  }
}

const headers = ({ left }: FakeHetzner, status: number) => ({
  ...{ 'ratelimit-limit': requestsPerHour, 'ratelimit-remaining': status === 429 ? 0 : left },
  'ratelimit-reset': Math.ceil(Date.now() / 1000) + (status === 429 ? requestsPerHour : requestsPerHour - left),
  'x-correlation-id': '0123456789abcdef',
})
