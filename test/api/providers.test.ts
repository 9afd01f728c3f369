import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { idOf } from '../../db/ids.ts'
import type { ServerId } from '../../domain/ids.ts'
import { type FakeHetzner, openFakeHetzner } from '../lab/hetzner/fake.ts'
import { freeName, makeServer, makeService, type WithOperation } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let fake: FakeHetzner
const providers = () => `${api.root}/providers`
const wish = (overrides: object = {}) => ({ name: freeName('hetzner'), type: 'hetzner', token: fake.token, ...overrides })
const connected = (overrides = {}) => api.make<{ id: string; name: string }>(providers(), wish(overrides))

beforeAll(async () => {
  fake = await openFakeHetzner()
  api = await createTestApi({ hetznerEndpoint: fake.endpoint })
})
beforeEach(() => {
  fake.asked.length = 0
  fake.fault = () => null
})
afterAll(() => Promise.all([api.close(), fake.close()]))

describe('a provider', () => {
  it('is stored when it has taken the token, which is never shown', async () => {
    const { status, body } = await api.ask<Record<string, string>>('POST', providers(), { body: wish({ name: 'main' }) })
    expect([status, body.name, body.type]).toEqual([201, 'main', 'hetzner'])
    expect(Date.parse(body.verifiedAt!)).toBeGreaterThan(Date.now() - 60_000)
    expect((await api.ask('GET', `${providers()}/${body.id}`)).body).toEqual(body)
    expect((await api.ask<{ items: unknown[] }>('GET', providers())).body.items).toContainEqual(body)
    const rows = await api.database.sql`select p::text as text from providers p union all select a::text from audit_events a`
    expect(JSON.stringify([body, rows]) + api.logged()).not.toContain(fake.token)
  })

  it.each([
    ['a token that nobody knows', { token: 'unknown' }, { status: 422, code: 'authentication_failed', errors: [{ field: 'token' }] }],
    ['a token that only reads', { token: 'a-token-that-only-reads' }, { status: 422, code: 'token_read_only', errors: [{ field: 'token' }] }],
    ['no token', { token: ' ' }, { status: 422, code: 'invalid_input', errors: [{ field: 'token' }] }],
    ['another type', { type: 'aws' }, { status: 422, code: 'invalid_input', errors: [{ field: 'type' }] }],
  ])('is not stored with %s', async (_, overrides, expected) => {
    const before = await api.stored()
    expect((await api.ask('POST', providers(), { body: wish(overrides) })).body).toMatchObject(expected)
    expect(await api.stored()).toEqual(before)
  })

  it('that wants to be left alone says for how long', async () => {
    fake.fault = () => ({ refused: 'rate_limited' })
    const { body, headers } = await api.ask('POST', providers(), { body: wish() })
    expect([body.status, body.code, headers.get('retry-after')]).toEqual([422, 'rate_limited', '60'])
  })

  it('gets another token when it has taken that', async () => {
    const { id } = await connected()
    expect((await api.ask('PATCH', `${providers()}/${id}`, { body: { token: 'unknown' } })).body).toMatchObject({ code: 'authentication_failed' })
    expect(await api.ask('PATCH', `${providers()}/${id}`, { body: { token: fake.token } })).toMatchObject({ status: 200, body: { id } })
    expect((await api.ask('PATCH', `${providers()}/${id}`, { body: { name: 'other' } })).body.status).toBe(422)
  })

  it('has a name of its own', async () => {
    const { name } = await connected()
    expect((await api.ask('POST', providers(), { body: wish({ name }) })).body).toMatchObject({ status: 409, code: 'already_taken', errors: [{ field: 'name' }] })
  })

  it('shows what can be bought', async () => {
    const { id } = await connected()
    const { body } = await api.ask<{ types: { name: string }[] }>('GET', `${providers()}/${id}/catalogue`)
    expect(body).toMatchObject({ currency: 'EUR', images: [{ name: 'debian-13' }, { name: 'debian-12' }, { name: 'ubuntu-24.04' }] })
    expect(body.types.find(({ name }) => name === 'cx22')).toMatchObject({ architecture: 'amd64', offers: expect.arrayContaining([expect.objectContaining({ location: 'fsn1', monthly: { net: '3.79', gross: '4.5101' } })]) })
  })

  it('is disconnected before its organisation is deleted', async () => {
    const other = await api.anotherOrganisation()
    const { token } = other
    const { body } = await api.ask<{ id: string; name: string }>('POST', `${other.root}/providers`, { token, body: wish() })
    const inUse = { status: 409, code: 'organisation_in_use', detail: expect.stringContaining(`providers: ${body.name}`) }
    expect((await api.ask('DELETE', other.root, { token })).body).toMatchObject(inUse)
    expect((await api.ask('DELETE', `${other.root}/providers/${body.id}`, { token })).status).toBe(200)
    expect((await api.ask('DELETE', other.root, { token })).status).toBe(200)
  })

  it("is nobody else's, and only admins connect one", async () => {
    const { id } = await connected()
    const { root, token } = await api.anotherOrganisation()
    const order = { name: 'web', location: 'fsn1', type: 'cx22', image: 'debian-13' }
    for (const [method, path, body] of [['GET', ''], ['GET', '/catalogue'], ['PATCH', '', { token: 'x' }], ['DELETE', ''], ['POST', '/servers', order]] as const) {
      expect((await api.ask(method, `${root}/providers/${id}${path}`, { token, ...(body ? { body } : {}) })).body).toMatchObject({ status: 404, code: 'provider_not_found' })
    }
    const viewer = await api.tokenOf('viewer')
    expect((await api.ask('POST', providers(), { token: viewer, body: wish() })).status).toBe(403)
    expect((await api.ask('POST', `${providers()}/${id}/servers`, { token: await api.tokenOf('deployer'), body: order })).status).toBe(403)
  })
})

interface Bought extends WithOperation {
  server: { id: string; name: string; hostKey: string }
}

const order = (overrides: object = {}) => ({ name: freeName('web'), location: 'fsn1', type: 'cx22', image: 'debian-13', ...overrides })

describe('buying a server', () => {
  it('stores it without an address, and with the operation that buys it; nothing is bought before', async () => {
    const { id } = await connected()
    const wished = order({ privateNetwork: 'inside' })
    const { status, body, headers } = await api.ask<Bought>('POST', `${providers()}/${id}/servers`, { body: wished })
    expect(status).toBe(202)
    expect(body).toMatchObject({
      server: { name: wished.name, address: null, providerId: id, status: 'new', privateAddress: null, hostKey: expect.stringMatching(/^ecdsa-sha2-nistp256 /) },
      operation: { kind: 'server_provision', status: 'pending', targetId: body.server.id },
    })
    expect(headers.get('location')).toBe(`${api.root}/operations/${body.operation.id}`)
    expect(fake.project.bought).toEqual([])
    const [machine] = await api.database.sql`select location, type, image, network from machines where server_id = ${body.server.id}`
    expect(machine).toEqual({ location: 'fsn1', type: 'cx22', image: 'debian-13', network: 'inside' })
  })

  it('twice with one Idempotency-Key is buying it once', async () => {
    const { id } = await connected()
    const request = { body: order(), headers: { 'idempotency-key': freeName('key') } }
    const [first, second] = [await api.ask<Bought>('POST', `${providers()}/${id}/servers`, request), await api.ask<Bought>('POST', `${providers()}/${id}/servers`, request)]
    expect(second.body).toEqual(first.body)
  })

  it.each([
    [{ location: 'moon' }, { code: 'invalid_input', errors: [{ field: 'location', message: 'must be one of fsn1, nbg1, hel1, ash' }] }],
    [{ type: 'cx99' }, { code: 'invalid_input', errors: [{ field: 'type' }] }],
    [{ type: 'cx11' }, { code: 'invalid_input', errors: [{ field: 'type' }] }],
    [{ location: 'ash' }, { errors: [{ field: 'type', message: 'is not offered in ash: there is one in fsn1, nbg1' }] }],
    [{ location: 'hel1' }, { code: 'not_available', errors: [{ field: 'type', message: 'is sold out in hel1 at the moment: there is one in fsn1, nbg1' }] }],
    [{ image: 'debian-11' }, { errors: [{ field: 'image', message: 'must be one of debian-13, debian-12, ubuntu-24.04' }] }],
    [{ privateNetwork: 'In Side' }, { errors: [{ field: 'privateNetwork' }] }],
    [{ name: '' }, { errors: [{ field: 'name' }] }],
  ])('with %j is refused', async (overrides, expected) => {
    const { id } = await connected()
    const before = await api.stored()
    expect((await api.ask('POST', `${providers()}/${id}/servers`, { body: order(overrides) })).body).toMatchObject({ status: 422, ...expected })
    expect(await api.stored()).toEqual(before)
  })

  it('under a name that another server has is refused', async () => {
    const { id } = await connected()
    const wished = order()
    await api.make(`${providers()}/${id}/servers`, wished)
    expect((await api.ask('POST', `${providers()}/${id}/servers`, { body: wished })).body).toMatchObject({ status: 409, code: 'already_taken', errors: [{ field: 'name' }] })
  })

  it('keeps its provider from being forgotten', async () => {
    const { id } = await connected()
    const { server } = await api.make<Bought>(`${providers()}/${id}/servers`, order())
    expect((await api.ask('DELETE', `${providers()}/${id}`)).body).toMatchObject({ status: 409, code: 'provider_in_use', detail: expect.stringContaining(server.name) })
    await api.database.sql`update servers set status = 'removed' where id = ${server.id}`
    expect(await api.ask('DELETE', `${providers()}/${id}`)).toMatchObject({ status: 200, body: { id } })
  })

  it('keeps its name until its machine is there, which is found by that', async () => {
    const { id } = await connected()
    const { server } = await api.make<Bought>(`${providers()}/${id}/servers`, order())
    expect((await api.ask('PATCH', `${api.root}/servers/${server.id}`, { body: { name: 'otherwise' } })).body).toMatchObject({ status: 409, code: 'server_has_no_machine' })
  })

  it('needs no login, and takes none, before its machine is there', async () => {
    const { id } = await connected()
    const { server } = await api.make<Bought>(`${providers()}/${id}/servers`, order())
    const before = await api.stored()
    const answer = await api.ask('POST', `${api.root}/servers/${server.id}/provision`, { body: { firstLogin: { password: 'secret' } } })
    expect(answer.body).toMatchObject({ status: 422, code: 'login_not_needed', errors: [{ field: 'firstLogin' }] })
    expect(await api.stored()).toEqual(before)
  })

  it('leaves private networks behind only where it is said so', async () => {
    const { id } = await connected()
    const labels = { 'keystone-organisation': api.organisationId, 'keystone-network': 'inside' }
    fake.project.addNetwork({ name: 'x', labels, ip_range: '10.100.0.0/16', subnets: [] })
    fake.fault = () => ({ refused: { status: 401, code: 'unauthorized' } })
    expect((await api.ask('DELETE', `${providers()}/${id}`)).body).toMatchObject({ status: 422, code: 'authentication_failed' })
    fake.fault = () => null
    expect((await api.ask('DELETE', `${providers()}/${id}`)).status).toBe(200)
    expect(fake.project.networks).toEqual([])
    const { id: other } = await connected()
    fake.fault = () => ({ refused: { status: 401, code: 'unauthorized' } })
    expect((await api.ask('DELETE', `${providers()}/${other}?leave=true`)).status).toBe(200)
  })
})

describe('removing a server', () => {
  const remove = (id: string, query = '') => api.ask<WithOperation['operation']>('DELETE', `${api.root}/servers/${id}${query}`)

  it('that was bought has to be confirmed by its name', async () => {
    const { id } = await connected()
    const { server } = await api.make<Bought>(`${providers()}/${id}/servers`, order())
    expect((await remove(server.id)).body).toMatchObject({ status: 422, code: 'confirmation_required', errors: [{ field: 'confirm' }] })
    const { status, body } = await remove(server.id, `?confirm=${server.name}`)
    expect([status, body.kind, body.summary]).toEqual([202, 'server_remove', `remove ${server.name}`])
    expect((await remove(server.id, `?confirm=${server.name}`)).body.id).toBe(body.id)
  })

  it('with services or kept volumes on it is refused, and they are named', async () => {
    const id = await makeServer(api)
    const serviceId = await makeService(api, 'valkey', id)
    expect((await remove(id)).body).toMatchObject({ status: 409, code: 'server_in_use', detail: expect.stringMatching(/has services: valkey-/) })
    await api.database.sql`update services set status = 'removed' where id = ${serviceId}`
    expect((await remove(id)).status).toBe(202)
  })

  it('that is being removed takes nothing any more', async () => {
    const id = idOf<ServerId>(await makeServer(api))
    await api.database.sql`update servers set status = 'removing' where id = ${id}`
    expect((await api.ask('POST', `${api.root}/servers/${id}/provision`)).body).toMatchObject({ status: 409, code: 'server_removing' })
    const { body } = await api.ask('POST', `${api.root}/services`, { body: { driver: 'valkey', name: 'late', serverId: id } })
    expect(body).toMatchObject({ status: 422, code: 'unknown_server', errors: [{ field: 'serverId', message: expect.stringContaining('is being removed') }] })
    expect((await remove(id)).status).toBe(202)
  })
})
