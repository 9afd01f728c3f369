import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { variablesOf } from '../../db/variables.ts'
import type { EnvironmentId, ServerId, ServiceId } from '../../domain/ids.ts'
import { createAuthority, type TestAuthority, type TestCertificate } from '../certificates.ts'
import { freeName, freePrivateAddress, makeEnvironment, makeServer, makeService, type WithOperation } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'
import { startDns, type TestDns } from './dns-server.ts'

let api: TestApi
let dns: TestDns
let authority: TestAuthority
let serverId: ServerId
let gateway: ServiceId
let environmentId: EnvironmentId

beforeAll(async () => {
  authority = await createAuthority()
  dns = await startDns()
  api = await createTestApi({ dnsServers: [dns.address] })
  serverId = await makeServer(api)
  gateway = await makeService(api, 'caddy', serverId)
  environmentId = await makeEnvironment(api, { serverIds: [serverId] })
})
afterAll(async () => {
  await api?.close()
  dns?.close()
})

interface Routed extends WithOperation {
  route: { id: string; domain: string; gatewayServiceId: string; config: Record<string, unknown>; certificate: object | null }
}

const routes = (id = environmentId) => `${api.root}/environments/${id}/routes`
const freeDomain = () => `${freeName('shop')}.example.com`

describe('a route', () => {
  it('is made on the gateway of the server and gives the application its address', async () => {
    const domain = freeDomain()
    const { status, headers, body } = await api.ask<Routed>('POST', routes(), { body: { domain: domain.toUpperCase(), tls: 'internal' } })
    expect(status).toBe(202)
    expect(body.route).toMatchObject({ environmentId, gatewayServiceId: gateway, domain, status: 'new', config: { tls: 'internal' } })
    expect(body.operation).toMatchObject({ kind: 'slice_configure', targetId: body.route.id, summary: `route ${domain}` })
    expect(headers.get('location')).toBe(`${api.root}/operations/${body.operation.id}`)
    const list = await api.ask<{ items: unknown[] }>('GET', routes())
    expect(list.body.items).toEqual([body.route])
    expect((await api.ask('GET', `${routes()}/${body.route.id}`)).body).toEqual(body.route)
    const variables = await api.ask<{ items: { key: string }[] }>('GET', `${api.root}/environments/${environmentId}/variables`)
    expect(variables.body.items.map(({ key }) => key)).toContain('APP_URL')
  })

  it.each(['http://shop.example.com', 'shop.example.com:8080', 'shop.example.com/path', 'shop..example.com', 'shop example.com', '-shop.example.com', '', 'a.*.com', `${'x'.repeat(64)}.com`, 'shop.example.com\n{'])(
    'does not answer for %j',
    async (domain) => {
      const before = await api.stored()
      expect((await api.ask('POST', routes(), { body: { domain } })).body).toMatchObject({ status: 422, code: 'invalid_input', errors: [{ field: 'domain' }] })
      expect(await api.stored()).toEqual(before)
    },
  )

  it.each([
    ['an automatic certificate of all names below a domain', { redirectFrom: ['*.shop.example.com'] }, 'tls', 'invalid_input'],
    ['a kind of TLS that is none', { tls: 'maybe' }, 'tls', 'invalid_input'],
    ['a gateway that is not there', { gatewayServiceId: '01900000-0000-7000-8000-000000000000' }, 'gatewayServiceId', 'unknown_service'],
  ])('does not take %s', async (_, overrides, field, code) => {
    const before = await api.stored()
    expect((await api.ask('POST', routes(), { body: { domain: freeDomain(), ...overrides } })).body).toMatchObject({ status: 422, code, errors: [{ field }] })
    expect(await api.stored()).toEqual(before)
  })

  it('does not take a database for a gateway', async () => {
    const gatewayServiceId = await makeService(api, 'postgres', serverId)
    const { body } = await api.ask('POST', routes(), { body: { domain: freeDomain(), gatewayServiceId } })
    expect(body).toMatchObject({ status: 422, code: 'unknown_service', errors: [{ field: 'gatewayServiceId' }] })
  })

  it('has its domain for itself on the gateway', async () => {
    const domain = freeDomain()
    await api.make(routes(), { domain })
    const elsewhere = await makeEnvironment(api, { serverIds: [serverId] })
    const before = await api.stored()
    const { body } = await api.ask('POST', routes(elsewhere), { body: { domain } })
    expect(body).toMatchObject({ status: 409, code: 'already_taken', errors: [{ field: 'domain' }] })
    expect(await api.stored()).toEqual(before)
  })

  it('has no automatic certificates on two gateways', async () => {
    const second = await makeServer(api)
    const gatewayServiceId = await makeService(api, 'caddy', second)
    const both = await makeEnvironment(api, { serverIds: [serverId, second] })
    const domain = freeDomain()
    expect((await api.ask('POST', routes(both), { body: { domain } })).body).toMatchObject({ status: 422, errors: [{ field: 'gatewayServiceId' }] })
    await api.make(routes(both), { domain, gatewayServiceId })
    const { body } = await api.ask('POST', routes(both), { body: { domain, gatewayServiceId: gateway } })
    expect(body).toMatchObject({ status: 409, code: 'automatic_tls_needs_one_gateway', errors: [{ field: 'tls' }] })
  })

  it('may balance, ask and redirect as it is told, and redirects from no domain that is routed', async () => {
    const domain = freeDomain()
    const settings = { loadBalancing: 'cookie', activeHealthIntervalSeconds: 5, redirectFrom: [`www.${domain}`] }
    const { body } = await api.ask<Routed>('POST', routes(), { body: { domain, ...settings } })
    expect(body.route.config).toMatchObject({ tls: 'automatic', ...settings })
    const before = await api.stored()
    const refused = async (wish: object) => (await api.ask('POST', routes(), { body: { domain: freeDomain(), ...wish } })).body
    expect(await refused({ domain: `www.${domain}` })).toMatchObject({ code: 'already_taken', errors: [{ field: 'domain' }] })
    expect(await refused({ redirectFrom: ['a.example.com', domain] })).toMatchObject({ code: 'already_taken', errors: [{ field: 'redirectFrom[1]' }] })
    expect(await refused({ redirectFrom: ['a.example.com', 'A.example.com'] })).toMatchObject({ status: 422, errors: [{ field: 'redirectFrom[1]' }] })
    expect(await refused({ loadBalancing: 'fastest' })).toMatchObject({ status: 422, errors: [{ field: 'loadBalancing' }] })
    expect(await refused({ activeHealthIntervalSeconds: 0 })).toMatchObject({ status: 422, errors: [{ field: 'activeHealthIntervalSeconds' }] })
    expect(await api.stored()).toEqual(before)
  })

  it('with a certificate of its user tells what that is, and nobody sees its key', async () => {
    const domain = freeDomain()
    const redirectFrom = [`www.${domain}`]
    const [one, two] = await Promise.all([1, 2].map(() => authority.issue([domain, ...redirectFrom])))
    const { route } = await api.make<Routed>(routes(), { domain, tls: 'provided', redirectFrom, certificate: one })
    const factsOf = ({ chain }: TestCertificate) => {
      const { fingerprint256 } = new X509Certificate(chain)
      return { names: [domain, ...redirectFrom], issuer: 'CN=Test authority', fingerprint: fingerprint256 }
    }
    expect(route).toMatchObject({ certificate: factsOf(one!), config: { tls: 'provided' } })
    expect(route.config).not.toHaveProperty('certificate')

    const changed = await api.ask<Routed>('PUT', `${routes()}/${route.id}/certificate`, { body: two })
    expect(changed.status).toBe(202)
    expect(changed.body).toMatchObject({ route: { id: route.id, certificate: factsOf(two!) }, operation: { kind: 'slice_configure', targetId: route.id } })
    const stored = JSON.stringify(await api.database.sql`select to_jsonb(s) as row from service_slices s union all select to_jsonb(a) from audit_events a`)
    for (const { privateKey } of [one!, two!]) expect(stored).not.toContain(privateKey.split('\n')[1])
    expect(stored).toContain(factsOf(two!).fingerprint)
  })

  it('does not take a certificate that its gateway could not serve', async () => {
    const domain = freeDomain()
    const [own, other] = await Promise.all([authority.issue([domain]), authority.issue([`other.${domain}`])])
    const made = await api.make<Routed>(routes(), { domain, tls: 'provided', certificate: own })
    const before = await api.stored()
    const refused = async (wish: object) => (await api.ask('POST', routes(), { body: { domain: `other.${domain}`, tls: 'provided', certificate: other, ...wish } })).body
    expect(await refused({ certificate: undefined })).toMatchObject({ status: 422, code: 'invalid_input', errors: [{ field: 'certificate' }] })
    expect(await refused({ tls: 'automatic' })).toMatchObject({ status: 422, code: 'invalid_input', errors: [{ field: 'certificate' }] })
    expect(await refused({ certificate: own })).toMatchObject({ status: 422, code: 'invalid_certificate', errors: [{ field: 'certificate.chain' }] })
    expect(await refused({ redirectFrom: [`www.${domain}`] })).toMatchObject({ status: 422, code: 'invalid_certificate', errors: [{ field: 'certificate.chain' }] })
    const mixed = { ...other, privateKey: own.privateKey }
    expect(await refused({ certificate: mixed })).toMatchObject({ status: 422, code: 'invalid_certificate', errors: [{ field: 'certificate.privateKey' }] })
    const replacing = await api.ask('PUT', `${routes()}/${made.route.id}/certificate`, { body: other })
    expect(replacing.body).toMatchObject({ status: 422, code: 'invalid_certificate', errors: [{ field: 'chain' }] })
    expect(await api.stored()).toEqual(before)
    const { route } = await api.make<Routed>(routes(), { domain: freeDomain(), tls: 'internal' })
    const { body } = await api.ask('PUT', `${routes()}/${route.id}/certificate`, { body: own })
    expect(body).toMatchObject({ status: 409, code: 'certificate_not_provided' })
  })

  it('is changed as far as is told, and the address of its application with it', async () => {
    const environment = await makeEnvironment(api, { serverIds: [serverId] })
    const domain = freeDomain()
    const { route } = await api.make<Routed>(routes(environment), { domain, tls: 'off', redirectFrom: [`www.${domain}`] })
    const change = (body: object) => api.ask<Routed>('PATCH', `${routes(environment)}/${route.id}`, { body })
    const address = async () =>
      (await variablesOf(api.database.db, api.keyring, environment)).find(({ key }) => key === 'APP_URL')?.value.reveal()
    expect(await address()).toBe(`http://${domain}`)
    const { status, body } = await change({ tls: 'internal', loadBalancing: 'cookie' })
    expect(status).toBe(202)
    expect(body).toMatchObject({
      route: { id: route.id, domain, config: { tls: 'internal', loadBalancing: 'cookie', redirectFrom: [`www.${domain}`] } },
      operation: { kind: 'slice_configure', targetId: route.id },
    })
    expect(await address()).toBe(`https://${domain}`)
    expect((await change({ redirectFrom: [] })).body.route.config).toMatchObject({ tls: 'internal', redirectFrom: [] })
  })

  it('that is changed needs a certificate where it has none for what it serves then', async () => {
    const domain = freeDomain()
    const [own, both] = await Promise.all([authority.issue([domain]), authority.issue([domain, `www.${domain}`])])
    const { route } = await api.make<Routed>(routes(), { domain, tls: 'internal' })
    const change = (body: object) => api.ask<Routed>('PATCH', `${routes()}/${route.id}`, { body })
    const before = await api.stored()
    expect((await change({ tls: 'provided' })).body).toMatchObject({ status: 422, errors: [{ field: 'certificate' }] })
    expect((await change({ certificate: own })).body).toMatchObject({ status: 422, errors: [{ field: 'certificate' }] })
    expect((await change({ redirectFrom: [domain] })).body).toMatchObject({ status: 422, errors: [{ field: 'redirectFrom[0]' }] })
    expect(await api.stored()).toEqual(before)
    const names = ({ body }: { body: Routed }) => (body.route.certificate as { names: string[] } | null)?.names ?? null
    expect(names(await change({ tls: 'provided', certificate: own }))).toEqual([domain])
    expect(names(await change({ loadBalancing: 'random' }))).toEqual([domain])
    expect((await change({ redirectFrom: [`www.${domain}`] })).body).toMatchObject({ status: 422, errors: [{ field: 'certificate' }] })
    expect(names(await change({ redirectFrom: [`www.${domain}`], certificate: both }))).toEqual([domain, `www.${domain}`])
    expect(names(await change({ tls: 'internal' }))).toBeNull()
    expect(await api.database.sql`select credentials from service_slices where id = ${route.id}`).toEqual([{ credentials: null }])
  })

  it('may be on two gateways with a certificate of its user', async () => {
    const second = await makeServer(api)
    const gatewayServiceId = await makeService(api, 'caddy', second)
    const both = await makeEnvironment(api, { serverIds: [serverId, second] })
    const domain = freeDomain()
    const certificate = await authority.issue([domain])
    await api.make(routes(both), { domain, tls: 'provided', certificate, gatewayServiceId })
    await api.make(routes(both), { domain, tls: 'provided', certificate, gatewayServiceId: gateway })
  })

  it('is refused on a gateway that does not reach the servers of the environment', async () => {
    const apart = await makeServer(api, {})
    const gatewayServiceId = await makeService(api, 'caddy', apart)
    const before = await api.stored()
    const { body } = await api.ask('POST', routes(), { body: { domain: freeDomain(), gatewayServiceId } })
    expect(body).toMatchObject({ status: 422, code: 'service_unreachable', errors: [{ field: 'gatewayServiceId' }] })
    expect(await api.stored()).toEqual(before)
  })

  it('needs a gateway', async () => {
    const without = await makeEnvironment(api)
    expect((await api.ask('POST', routes(without), { body: { domain: freeDomain() } })).body).toMatchObject({ status: 409, code: 'gateway_required' })
  })
})

describe('the DNS of a route', () => {
  const at = (address: string) => makeServer(api, { address, privateAddress: freePrivateAddress() })

  it('is to name every gateway of its domain, and is compared with what is there', async () => {
    const [one, two] = [await at('203.0.113.10'), await at('203.0.113.11')]
    const gateways = [await makeService(api, 'caddy', one), await makeService(api, 'caddy', two)]
    const environment = await makeEnvironment(api, { serverIds: [one, two] })
    const domain = freeDomain()
    const www = `www.${domain}`
    const wish = { domain, tls: 'off', redirectFrom: [www] }
    const { route } = await api.make<Routed>(routes(environment), { ...wish, gatewayServiceId: gateways[0] })
    await api.make(routes(environment), { domain, tls: 'off', gatewayServiceId: gateways[1] })
    const seen = async () => (await api.ask<{ isReady: boolean; records: object[] }>('GET', `${routes(environment)}/${route.id}/dns`)).body
    const expected = ['203.0.113.10', '203.0.113.11']
    dns.records = { [`${domain} A`]: ['203.0.113.11'] }
    expect(await seen()).toEqual({
      isReady: false,
      records: [
        { name: domain, type: 'A', expected, found: ['203.0.113.11'], status: 'partly' },
        { name: www, type: 'A', expected, found: [], status: 'missing' },
      ],
    })
    dns.records = { [`${domain} A`]: expected, [`${www} A`]: ['198.51.100.1'] }
    expect(await seen()).toMatchObject({ isReady: false, records: [{ status: 'right' }, { status: 'elsewhere' }] })
    dns.records = { [`${domain} A`]: expected, [`${www} A`]: expected }
    expect(await seen()).toMatchObject({ isReady: true })
    dns.records = null
    const { body } = await api.ask('GET', `${routes(environment)}/${route.id}/dns`)
    expect(body).toMatchObject({ status: 503, code: 'dns_unavailable' })
  })

  it('is not found under another environment', async () => {
    const { route } = await api.make<Routed>(routes(), { domain: freeDomain() })
    const other = await makeEnvironment(api)
    expect((await api.ask('GET', `${routes(other)}/${route.id}/dns`)).body).toMatchObject({ status: 404, code: 'route_not_found' })
  })
})
