import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi

beforeAll(async () => {
  api = await createTestApi()
})
afterAll(() => api.close())

describe('an organisation', () => {
  it('belongs to who creates it', async () => {
    const created = await api.make<{ id: string; name: string }>('/organisations', { name: 'Shop Ltd' })
    expect(created).toMatchObject({ name: 'Shop Ltd' })
    expect((await api.ask('GET', `/organisations/${created.id}`)).body).toEqual(created)
    const list = await api.ask<{ items: { name: string }[]; nextCursor: null }>('GET', '/organisations')
    expect(list.body).toMatchObject({ items: [{ name: 'Shop Ltd' }, { name: 'default' }], nextCursor: null })
  })

  it('is listed page by page, newest first', async () => {
    for (const name of ['one', 'two', 'three']) await api.make('/organisations', { name: `page ${name}` })
    const first = await api.ask<{ items: { name: string }[]; nextCursor: string }>('GET', '/organisations?limit=2')
    expect(first.body.items.map(({ name }) => name)).toEqual(['page three', 'page two'])
    const second = await api.ask<{ items: { name: string }[] }>('GET', `/organisations?limit=1&cursor=${first.body.nextCursor}`)
    expect(second.body.items.map(({ name }) => name)).toEqual(['page one'])
  })

  it('has a name of its own, whatever its case', async () => {
    const { status, body } = await api.ask('POST', '/organisations', { body: { name: 'DEFAULT' } })
    expect([status, body.code, body.errors[0]?.field]).toEqual([409, 'already_taken', 'name'])
  })

  it('is audited with who made it', async () => {
    const { id } = await api.make('/organisations', { name: 'audited' })
    const events = await api.database.sql`
      select action, target_id, details, email from audit_events join users on users.id = user_id where organisation_id = ${id}`
    expect(events).toEqual([{ action: 'organisation.created', target_id: id, details: { name: 'audited' }, email: 'owner@localhost' }])
  })
})

describe('a request without a valid token', () => {
  it.each([
    ['no token', {}, 'authentication_required'],
    ['another scheme', { authorization: 'Basic a3M6' }, 'authentication_required'],
    ['an unknown token', { authorization: 'Bearer ks_unknown' }, 'invalid_token'],
  ])('is refused: %s', async (_, headers, code) => {
    const response = await api.app.request(api.root, { headers })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="keystone"')
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ type: 'about:blank', title: 'Not authenticated', status: 401, code })
  })

  it('is refused when the token is expired or revoked', async () => {
    const yesterday = new Date(Date.now() - 86_400_000)
    for (const token of [await api.tokenOf('owner', { expiresAt: yesterday }), await api.tokenOf('owner', { revokedAt: yesterday })]) {
      expect((await api.ask('GET', api.root, { token })).body).toMatchObject({ status: 401, code: 'invalid_token' })
    }
  })
})

describe('roles', () => {
  it.each([
    ['viewer', 403, 403],
    ['deployer', 403, 403],
    ['admin', 201, 404],
    ['owner', 201, 404],
  ] as const)('%s may confirm a host key: %i, and provision a server: %i', async (role, confirm, provision) => {
    const token = await api.tokenOf(role)
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl'
    const confirmed = await api.ask('POST', `${api.root}/git-host-keys`, { token, body: { host: `${role}.example.com`, key } })
    expect(confirmed.status).toBe(confirm)
    if (confirm === 403) expect(confirmed.body).toMatchObject({ code: 'role_required', detail: expect.stringContaining(`yours is ${role}`) })
    const unknown = '01900000-0000-7000-8000-000000000000'
    expect((await api.ask('POST', `${api.root}/servers/${unknown}/provision`, { token })).status).toBe(provision)
    expect((await api.ask('GET', `${api.root}/servers`, { token })).status).toBe(200)
  })

  it('are narrowed by the scopes of a token and never widened', async () => {
    const path = `${api.root}/git-host-keys`
    const ask = async (token: string) => (await api.ask('POST', path, { token, body: {} })).status
    expect(await ask(await api.tokenOf('owner', { scopes: ['viewer'] }))).toBe(403)
    expect(await ask(await api.tokenOf('viewer', { scopes: ['owner'] }))).toBe(403)
    expect(await ask(await api.tokenOf('owner', { scopes: ['admin', 'viewer'] }))).toBe(422)
    expect(await ask(await api.tokenOf('owner', { scopes: [] }))).toBe(403)
  })
})

describe('another organisation', () => {
  it('looks as if it did not exist', async () => {
    const other = await api.anotherOrganisation()
    for (const path of ['', '/servers', '/applications', '/operations']) {
      expect((await api.ask('GET', other.root + path)).body).toMatchObject({ status: 404, code: 'organisation_not_found' })
    }
    expect((await api.ask('GET', other.root, { token: other.token })).status).toBe(200)
    expect((await api.ask<{ items: { id: string }[] }>('GET', '/organisations', { token: other.token })).body.items).toHaveLength(1)
  })

  it('is out of reach of a token that is bound to one, and such a token creates none', async () => {
    const other = await api.anotherOrganisation()
    const token = await api.tokenOf('owner', { organisationId: other.id, bound: true })
    expect((await api.ask('GET', other.root, { token })).status).toBe(200)
    expect((await api.ask('GET', api.root, { token })).status).toBe(404)
    expect((await api.ask('POST', '/organisations', { token, body: { name: 'new' } })).body).toMatchObject({ status: 403, code: 'token_of_one_organisation' })
  })
})

it('is renamed by its owners, to a name that no other has', async () => {
  const team = await api.anotherOrganisation()
  const rename = (name: string, token = team.token) => api.ask('PATCH', team.root, { token, body: { name } })
  expect(await rename('new name')).toMatchObject({ status: 200, body: { id: team.id, name: 'new name' } })
  const other = await api.anotherOrganisation()
  expect((await api.ask('PATCH', other.root, { token: other.token, body: { name: 'new name' } })).body).toMatchObject({ status: 409, code: 'already_taken' })
  expect((await rename('mine', await api.tokenOf('admin', { organisationId: team.id }))).body).toMatchObject({ status: 403, code: 'role_required' })
})
