import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isAtLeast, type Role, roles } from '../../domain/access.ts'
import { addressOf, type EveryRoute, everyRoute, type Ids, parameters, thingsOf } from './every-route.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let routes: EveryRoute[]
let own: Ids
let foreign: Ids
/** By role: of a member, of one whose token is bound, of an owner whose token is narrowed, and of the organisation itself. */
let tokens: Record<Role, Record<'member' | 'bound' | 'narrowed' | 'organisation', string>>
let foreigner: string

beforeAll(async () => {
  api = await createTestApi()
  routes = await everyRoute(api)
  own = await thingsOf(api, { id: api.organisationId, root: api.root, token: api.ownerToken })
  const other = await api.anotherOrganisation()
  foreign = await thingsOf(api, other)
  foreigner = other.token
  tokens = Object.fromEntries(await Promise.all(roles.map(async (role) => [role, await tokensOf(role)] as const))) as typeof tokens
})
afterAll(() => api.close())

async function tokensOf(role: Role) {
  const made = await api.make<{ token: string }>(`${api.root}/tokens`, { name: role, scopes: [role] })
  return {
    member: await api.tokenOf(role),
    bound: await api.tokenOf(role, { bound: true }),
    narrowed: await api.tokenOf('owner', { scopes: [role] }),
    organisation: made.token,
  }
}

const nowhere = '01900000-0000-7000-8000-000000000000'
const inOrganisation = ({ path }: EveryRoute): boolean => path.startsWith('/organisations/{')
const ofOrganisations = () => routes.filter(inOrganisation)
/** Everything but the organisation is unknown, so that who is let in finds nothing to change. */
const unknownIn = (organisationId: string): Ids => ({ ...Object.fromEntries(Object.keys(own).map((name) => [name, nowhere])), key: 'MAIL_HOST', organisationId })

/** A body that nobody could read, so that whoever reads it before he looks at the token is found out. */
async function send(route: EveryRoute, ids: Ids, token: string | null, body = '{"half of it":') {
  const headers = new Headers(token === null ? {} : { authorization: `Bearer ${token}` })
  if (route.hasBody) headers.set('content-type', 'application/json')
  const response = await api.app.request(addressOf(route, ids), { method: route.method, headers, ...(route.hasBody ? { body } : {}) })
  const isProblem = response.headers.get('content-type') === 'application/problem+json'
  const { code = '', detail = '' } = isProblem ? ((await response.json()) as { code: string; detail: string }) : {}
  if (!isProblem) await response.body?.cancel()
  return { status: response.status, code, detail }
}

const named = ({ method, path }: EveryRoute, by: string) => `${method} ${path} by ${by}`

describe('every route', () => {
  it('says which role it is for where it is of an organisation', () => {
    expect(ofOrganisations().filter(({ role }) => role === null).map((route) => named(route, 'anybody'))).toEqual([])
    expect(routes.filter((route) => !inOrganisation(route) && route.role !== null)).toEqual([])
    expect(ofOrganisations().length).toBeGreaterThan(90)
    expect(new Set(ofOrganisations().map(({ role }) => role))).toEqual(new Set(roles))
  })

  it('needs a token, but for those by which one comes to have one', async () => {
    const before = await api.stored()
    for (const route of routes.filter(({ isPublic }) => !isPublic)) {
      for (const token of [null, 'ks_unknown', `${api.ownerToken}x`]) {
        const { status, code } = await send(route, own, token)
        expect([status, code], named(route, 'nobody')).toEqual([401, token === null ? 'authentication_required' : 'invalid_token'])
      }
    }
    expect(await api.stored()).toEqual(before)
    expect(routes.filter(({ isPublic }) => isPublic).map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /login', 'POST /registrations'])
  })

  it.each(roles)('of an organisation lets %s pass exactly where the document says so, by whichever kind of token', async (role) => {
    const before = await api.stored()
    for (const [kind, token] of Object.entries(tokens[role])) {
      for (const route of ofOrganisations().filter((one) => !isAtLeast(role, one.role!))) {
        expect(await send(route, own, token), named(route, `${kind} ${role}`)).toMatchObject({ status: 403, code: 'role_required' })
      }
    }
    expect(await api.stored()).toEqual(before)
    for (const [kind, token] of Object.entries(tokens[role])) {
      for (const route of ofOrganisations().filter((one) => isAtLeast(role, one.role!))) {
        expect([401, 403], named(route, `${kind} ${role}`)).not.toContain((await send(route, unknownIn(api.organisationId), token)).status)
      }
    }
  })

  it('of an organisation is not there for a stranger, and not by a token that is bound to another one', async () => {
    const bound = await api.tokenOf('owner', { bound: true })
    const before = await api.stored()
    for (const route of ofOrganisations()) {
      expect(await send(route, own, foreigner), named(route, 'a stranger')).toMatchObject({ status: 404, code: 'organisation_not_found' })
      expect(await send(route, foreign, bound), named(route, 'a bound token')).toMatchObject({ status: 404, code: 'organisation_not_found' })
    }
    expect(await api.stored()).toEqual(before)
  })

  it('answers for what belongs to others as for what there is not', async () => {
    const before = await api.stored()
    for (const route of ofOrganisations()) {
      for (const parameter of parameters(route).filter((name) => name !== 'organisationId' && name !== 'key')) {
        const at = (id: string) => send(route, { ...own, [parameter]: id }, api.ownerToken, '{}')
        const [theirs, nobodys] = [await at(foreign[parameter]!), await at(nowhere)]
        expect(theirs, `${named(route, 'the owner')} with the ${parameter} of others`).toEqual(nobodys)
        expect([404, 422], named(route, 'the owner')).toContain(theirs.status)
      }
    }
    expect(await api.stored()).toEqual(before)
  })

  it('of an account is for tokens that are all that their user is', async () => {
    const forEveryToken = ['GET /user', 'POST /user/logout']
    const ofAccounts = routes.filter(({ path, method }) => path.startsWith('/user') && !forEveryToken.includes(`${method} ${path}`))
    expect(ofAccounts.length).toBeGreaterThan(7)
    const before = await api.stored()
    for (const route of ofAccounts) {
      for (const kind of ['bound', 'narrowed', 'organisation'] as const) {
        expect(await send(route, own, tokens.owner[kind]), named(route, kind)).toMatchObject({ status: 403, code: 'whole_token_required' })
      }
      expect([401, 403], named(route, 'a member')).not.toContain((await send(route, unknownIn(nowhere), tokens.viewer.member)).status)
    }
    expect(await api.stored()).toEqual(before)
  })
})

it('makes no organisation for a token that is less than its user', async () => {
  for (const kind of ['bound', 'narrowed', 'organisation'] as const) {
    expect((await api.ask('POST', '/organisations', { token: tokens.owner[kind], body: { name: 'another' } })).status).toBe(403)
  }
})
