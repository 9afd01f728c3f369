import type { ClientResponse } from 'hono/client'
import { type Client, createClient } from './client.ts'
import type { CliContext, CommonFlags, OrganisationFlags } from './context.ts'
import { CliError, exitCodes, refusal, unreachable } from './errors.ts'
import { persistentFetch } from './persistence.ts'
import { readSettings, type Settings } from './settings.ts'

/** A connection to the API in the name of who is logged in. */
export interface Session {
  settings: Settings
  client: Client
  /** What the API answers; throws a CliError where that is a problem or nobody answers. */
  ask<Response extends ClientResponse<unknown>>(request: Promise<Response>): Promise<Success<Response>>
  /** The same for a request that the API itself has proposed; `path` begins with a slash. */
  send(request: { method: string; path: string; body: Record<string, unknown> }): Promise<unknown>
  /** Prints a body: as it is with --json, else as people read it. */
  show<Body>(body: Body, told: (body: Body) => string): void
}

/** Below one organisation: `param` is of its paths. */
export interface OrganisationSession extends Session {
  param: { organisationId: string }
}

type Success<Response> = Response extends ClientResponse<infer Body, infer Status, string> ? (Status extends 200 | 201 | 202 ? Body : never) : never

type Answer = Pick<globalThis.Response, 'ok' | 'status' | 'headers' | 'text'>

/** As whom the settings say, or nobody. */
export async function connect(context: CliContext, { json }: CommonFlags): Promise<Session> {
  const settings = await readSettings(context.env)
  const { stdout, stderr } = context.process
  const fetch = persistentFetch((text) => stderr.write(text))
  const answer = async (request: Promise<Answer>) => {
    const response = await request.catch((error: unknown) => {
      throw lost(error, settings)
    })
    const text = await response.text()
    if (response.ok) return JSON.parse(text)
    if (json) stdout.write(`${text}\n`)
    throw problemIn(response, text, settings)
  }
  return {
    settings,
    client: createClient({ ...settings, fetch }),
    ask: answer,
    send({ method, path, body }) {
      const headers = { authorization: `Bearer ${settings.token}`, 'content-type': 'application/json' }
      return answer(fetch(`${settings.url}${path}`, { method, headers, body: JSON.stringify(body) }))
    },
    show: (body, told) => stdout.write(json ? `${JSON.stringify(body)}\n` : told(body)),
  }
}

/** Throws a CliError where nobody is logged in. */
export async function logIn(context: CliContext, flags: CommonFlags): Promise<Session> {
  const session = await connect(context, flags)
  if (session.settings.token === null) throw new CliError(exitCodes.usage, `Nobody is logged in to ${session.settings.url}: keystone login.`)
  return session
}

/** In the organisation of the flag, the environment or the settings, or else the only one there is. */
export async function inOrganisation(context: CliContext, flags: OrganisationFlags): Promise<OrganisationSession> {
  const session = await logIn(context, flags)
  const wanted = flags.organisation ?? session.settings.organisation
  return { ...session, param: { organisationId: await organisationIdOf(session, wanted) } }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
export const isId = (text: string): boolean => uuid.test(text)

/** Throws a CliError that names those there are. */
export async function organisationIdOf({ client, ask }: Session, wanted: string | null): Promise<string> {
  if (wanted !== null && isId(wanted)) return wanted
  const { organisations } = await ask(client.user.$get())
  const [found, ...others] = organisations.filter(({ name }) => wanted === null || name === wanted)
  if (found && others.length === 0) return found.id
  const names = organisations.map(({ id, name }) => `  ${id}  ${name}`).join('\n')
  throw new CliError(exitCodes.usage, `Which organisation? Say --organisation or keystone organisations use. There are:\n${names}`)
}

/** What became of a request or its answer on the way: fetch throws a TypeError where there is no connection, or none any more. */
export const lost = (error: unknown, { url }: Settings): unknown => (error instanceof TypeError ? unreachable(url) : error)

/** What a server in between answers is no problem of the API's. */
function problemIn({ status, headers }: Answer, text: string, { url }: Settings): CliError {
  if (headers.get('content-type')?.startsWith('application/problem+json')) return refusal(JSON.parse(text))
  return new CliError(exitCodes.unreachable, `${url} answers ${status}, and not as Keystone: check the address.`)
}
