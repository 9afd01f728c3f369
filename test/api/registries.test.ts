import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { environments } from '../../db/schema/index.ts'
import type { RegistryId } from '../../domain/ids.ts'
import { freeName, makeEnvironment } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

/** Basic authentication, and pushes under `team` only; a real registry is asked in `test/drivers/registries`. */
interface Fake {
  server: Server
  url: string
  asked: string[]
  status: number | null
}

let api: TestApi
let fake: Fake
const login = { username: 'ci', password: 'a-registry-password' }
const registries = () => `${api.root}/registries`
const wish = (overrides: object = {}) => ({
  ...{ name: freeName('registry'), type: 'generic', url: fake.url, insecure: 'plain_http', namespace: 'team', ...login },
  ...overrides,
})

beforeAll(async () => {
  api = await createTestApi()
  fake = await openFake()
})
beforeEach(() => {
  fake.asked.length = 0
  fake.status = null
})
afterAll(async () => {
  await api.close()
  fake.server.close()
})

async function openFake(): Promise<Fake> {
  const expected = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`
  const server = createServer(({ method, url = '', headers }, answer) => {
    const isKnown = headers.authorization === expected
    if (isKnown || headers.authorization) opened.asked.push(`${method} ${url}`)
    if (opened.status !== null) return answer.writeHead(opened.status, { 'retry-after': '7' }).end()
    if (!isKnown) return answer.writeHead(401, { 'www-authenticate': 'Basic realm="fake"' }).end()
    if (method !== 'POST') return answer.writeHead(200).end()
    return url.startsWith('/v2/team/') ? answer.writeHead(202, { location: '/v2/team/x/blobs/uploads/1' }).end() : answer.writeHead(403).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const opened: Fake = { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: [], status: null }
  return opened
}

const checked = ['GET /v2/', 'POST /v2/team/keystone-access-check/blobs/uploads/', 'DELETE /v2/team/x/blobs/uploads/1']

describe('an environment', () => {
  it('has its images in a registry that is pushed to, and that can be changed', async () => {
    const { id } = await api.make(registries(), wish())
    const pulled = await api.make(registries(), wish({ use: 'pull' }))
    const path = `${api.root}/environments/${await makeEnvironment(api)}`
    expect((await api.ask('GET', path)).body).toMatchObject({ registryId: null })
    expect((await api.ask('PATCH', path, { body: { registryId: id } })).body).toMatchObject({ registryId: id })
    expect((await api.ask('PATCH', path, { body: { releaseRetention: 3 } })).body).toMatchObject({ registryId: id })
    const { id: foreign } = (await api.ask<{ id: string }>('POST', `${(await api.anotherOrganisation()).root}/registries`, { body: wish() })).body
    for (const refused of [pulled.id, foreign ?? '0198c0de-0000-7000-8000-000000000000']) {
      expect((await api.ask('PATCH', path, { body: { registryId: refused } })).body).toMatchObject({ status: 422, errors: [{ field: 'registryId' }] })
    }
    expect((await api.ask('PATCH', path, { body: { registryId: null } })).body).toMatchObject({ registryId: null })
  })
})

describe('a registry', () => {
  it('is stored when it has taken the credentials, which are never shown', async () => {
    const { status, body } = await api.ask<Record<string, string>>('POST', registries(), { body: wish({ name: 'main' }) })
    expect([status, body.username, body.namespace, body.use]).toEqual([201, 'ci', 'team', 'push'])
    expect(Date.parse(body.verifiedAt!)).toBeGreaterThan(Date.now() - 60_000)
    expect(fake.asked).toEqual(checked)
    expect((await api.ask('GET', `${registries()}/${body.id}`)).body).toEqual(body)
    expect((await api.ask<{ items: unknown[] }>('GET', registries())).body.items).toContainEqual(body)
    expect(JSON.stringify([body, await api.stored()]) + api.logged()).not.toContain(login.password)
  })

  it('that is only pulled from is not asked for the right to push', async () => {
    await api.make(registries(), wish({ use: 'pull', namespace: null }))
    expect(fake.asked).toEqual(['GET /v2/'])
  })

  it.each<[string, object, number | null, object]>([
    ['a wrong password', { password: 'wrong' }, null, { status: 422, code: 'authentication_failed', errors: [{ field: 'password' }] }],
    ['no credentials', { username: null, password: null }, null, { status: 422, code: 'authentication_failed' }],
    ['no right to push', { namespace: 'others' }, null, { status: 422, code: 'access_denied', errors: [{ field: 'namespace' }] }],
    ['too many questions', {}, 429, { status: 422, code: 'rate_limited', errors: [{ field: 'url' }] }],
    ['an outage', {}, 503, { status: 422, code: 'unavailable' }],
    ['no registry at all', {}, 404, { status: 422, code: 'protocol_error' }],
    ['nobody there', { url: 'http://127.0.0.1:1' }, null, { status: 422, code: 'unreachable', errors: [{ field: 'url' }] }],
  ])('is not stored with %s', async (_, overrides, status, expected) => {
    const before = await api.stored()
    fake.status = status
    const { body, headers } = await api.ask('POST', registries(), { body: wish(overrides) })
    expect(body).toMatchObject(expected)
    expect(headers.get('retry-after')).toBe(status === 429 ? '7' : null)
    expect(JSON.stringify(body)).not.toContain('a-registry-password')
    expect(await api.stored()).toEqual(before)
  })

  it.each([
    ['an address with a path', { url: 'https://registry.example.com/v2' }, 'url'],
    ['an address with a login', { url: 'https://ci:secret@registry.example.com' }, 'url'],
    ['another protocol', { url: 'ftp://registry.example.com' }, 'url'],
    ['a bare host', { url: 'registry.example.com' }, 'url'],
    ['no address', { url: undefined }, 'url'],
    ['plain HTTP that is not marked', { insecure: 'no' }, 'url'],
    ['a mark that does not fit', { url: 'https://registry.example.com' }, 'insecure'],
    ['a namespace that is none', { namespace: '../team' }, 'namespace'],
    ['an unknown type', { type: 'quay' }, 'type'],
    ['a user without a password', { password: undefined }, 'password'],
    ['a password without a user', { username: undefined }, 'username'],
    ['an unknown use', { use: 'both' }, 'use'],
    ['a name that is none', { name: 'My Registry' }, 'name'],
  ])('is not asked with %s', async (_, overrides, field) => {
    const before = await api.stored()
    const { body } = await api.ask('POST', registries(), { body: wish(overrides) })
    expect(body).toMatchObject({ status: 422, code: 'invalid_input', errors: [{ field }] })
    expect(fake.asked).toEqual([])
    expect(await api.stored()).toEqual(before)
  })

  it('has a name of its own', async () => {
    const taken = wish()
    await api.make(registries(), taken)
    expect((await api.ask('POST', registries(), { body: taken })).body).toMatchObject({ status: 409, code: 'already_taken', errors: [{ field: 'name' }] })
  })

  it('is changed when it has taken the change; what is left out stays', async () => {
    const made = await api.make<{ id: string; verifiedAt: string }>(registries(), wish())
    const path = `${registries()}/${made.id}`
    fake.asked.length = 0
    const renamed = await api.ask('PATCH', path, { body: { name: 'renamed' } })
    expect(renamed.body).toMatchObject({ ...made, name: 'renamed', verifiedAt: expect.any(String), updatedAt: expect.any(String) })
    expect(fake.asked).toEqual(checked)
    const before = await api.stored()
    expect((await api.ask('PATCH', path, { body: { password: 'wrong' } })).body).toMatchObject({ status: 422, code: 'authentication_failed' })
    expect((await api.ask('PATCH', path, { body: { username: 'other' } })).body).toMatchObject({ status: 422, errors: [{ field: 'password' }] })
    expect((await api.ask('PATCH', path, { body: { namespace: null } })).body).toMatchObject({ status: 422, code: 'access_denied' })
    expect(await api.stored()).toEqual(before)
  })

  it('has its password sent to no other address', async () => {
    const other = await openFake()
    const { id } = await api.make(registries(), wish())
    const { body } = await api.ask('PATCH', `${registries()}/${id}`, { body: { url: other.url } })
    expect(body).toMatchObject({ status: 422, errors: [{ field: 'password' }] })
    expect(other.asked).toEqual([])
    expect((await api.ask('PATCH', `${registries()}/${id}`, { body: { url: other.url, password: login.password } })).body).toMatchObject({ url: other.url })
    expect(other.asked).toEqual(checked)
    other.server.close()
  })

  it('is verified again, and says since when it is not', async () => {
    const made = await api.make<{ id: string; verifiedAt: string }>(registries(), wish())
    const verified = await api.make<{ verifiedAt: string }>(`${registries()}/${made.id}/verify`)
    expect(Date.parse(verified.verifiedAt)).toBeGreaterThan(Date.parse(made.verifiedAt))
    fake.status = 401
    const refused = await api.ask('POST', `${registries()}/${made.id}/verify`)
    expect(refused.body.status).toBe(422)
    expect((await api.ask<{ verifiedAt: string }>('GET', `${registries()}/${made.id}`)).body.verifiedAt).toBe(verified.verifiedAt)
  })

  it('is forgotten, but not while an environment has its images there', async () => {
    const { id } = await api.make<{ id: RegistryId }>(registries(), wish({ name: 'used' }))
    const environmentId = await makeEnvironment(api)
    const use = (registryId: RegistryId | null) => api.database.db.update(environments).set({ registryId }).where(eq(environments.id, environmentId))
    await use(id)
    expect((await api.ask('DELETE', `${registries()}/${id}`)).body).toMatchObject({ status: 409, code: 'registry_in_use', detail: expect.stringContaining('used') })
    await use(null)
    expect(await api.ask('DELETE', `${registries()}/${id}`)).toMatchObject({ status: 200, body: { id } })
    expect((await api.ask('GET', `${registries()}/${id}`)).body).toMatchObject({ status: 404, code: 'registry_not_found' })
  })

  it("is nobody else's, and only admins change it", async () => {
    const { id } = await api.make(registries(), wish())
    const { root, token } = await api.anotherOrganisation()
    for (const [method, path] of [['GET', ''], ['PATCH', ''], ['DELETE', ''], ['POST', '/verify']]) {
      expect((await api.ask(method!, `${root}/registries/${id}${path}`, { token, ...(method === 'PATCH' ? { body: {} } : {}) })).status).toBe(404)
    }
    const viewer = await api.tokenOf('viewer')
    expect((await api.ask('POST', registries(), { token: viewer, body: wish() })).status).toBe(403)
    expect((await api.ask('GET', `${registries()}/${id}`, { token: viewer })).status).toBe(200)
  })
})
