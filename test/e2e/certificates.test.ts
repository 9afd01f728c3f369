import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { operationSchema, type Operation } from '../../stack/demo/operation.ts'
import { createOrganisation, type OrganisationClient, type RouteWish } from '../../stack/demo/organisation.ts'
import { createAuthority, type TestAuthority } from '../certificates.ts'
import type { Lab, LabAcme, LabServer } from '../lab/index.ts'
import { until } from '../lab/until.ts'
import { askAt, servedCertificate } from '../tls-client.ts'
import { startKeystone, type TestKeystone } from './keystone.ts'
import { openSceneLab } from './scene.ts'
import { secretsSeen } from './secrets.ts'

/** A server with a gateway that has its certificates from the lab's authority. */
interface GatewayServer {
  server: LabServer
  serverId: string
  gatewayServiceId: string
}

/** Two of them, and an environment that has nothing deployed: its routes answer 503. */
let lab: Lab
let acme: LabAcme
let keystone: TestKeystone
let organisation: OrganisationClient
let one: GatewayServer
let other: GatewayServer
let environmentId: string

beforeAll(async () => {
  lab = await openSceneLab('certificates')
  const boot = (name: string) => lab.server(name, { preinstalled: true })
  const [server, further, opened] = await Promise.all([boot('s1'), boot('s2'), lab.acme()])
  acme = opened
  keystone = await startKeystone({ dnsServer: acme.dnsServer })
  organisation = await createOrganisation(keystone.client, 'acme')
  const { sshUrl, hostKey } = await lab.gitHost.createRepository('shop')
  const addDeployKey = (key: string) => lab.gitHost.addDeployKey('shop', key)
  const creating = organisation.createApplication('shop', { sshUrl, hostKey, addDeployKey })
  ;[one, other] = await Promise.all([openGateway(server), openGateway(further)])
  const { applicationId } = await creating
  ;({ environmentId } = await organisation.createEnvironment(applicationId, { name: 'production', serverIds: [one.serverId] }))
}, 900_000)

afterAll(async () => {
  await keystone?.stop()
  await lab?.down()
})

async function openGateway(server: LabServer): Promise<GatewayServer> {
  const { serverId, operation } = await organisation.adoptServer(server)
  await succeeded(operation)
  const config = { acmeDirectory: acme.directory, acmeRootCertificate: acme.directoryAuthority, acmeEmail: 'ops@shop.test' }
  const made = await organisation.createService({ driver: 'caddy', name: `gateway-${server.name}`, serverId, config })
  await succeeded(made.operation)
  return { server, serverId, gatewayServiceId: made.serviceId }
}

async function succeeded(operation: Operation): Promise<void> {
  const { status, failure } = await organisation.finished(operation)
  expect({ status, failure }, keystone.worker.output().slice(-2000)).toEqual({ status: 'succeeded', failure: null })
}

async function routed(wish: RouteWish, { gatewayServiceId }: GatewayServer = one): Promise<string> {
  const { route, operation } = await organisation.route(environmentId, { gatewayServiceId, ...wish })
  await succeeded(operation)
  return route.id
}

/** Domains whose DNS is not right at first. */
const late = ['moved.test', 'nowhere.test']

const path = () => `/organisations/${organisation.id}`
const ofRoute = (id: string) => `${path()}/environments/${environmentId}/routes/${id}`
const fingerprint = async (domain: string, { server }: GatewayServer = one, { root }: { root: string } = acme) =>
  (await servedCertificate(server.address, domain, root)).fingerprint256

/** Waits until a browser would be content. */
const served = (domain: string, gateway?: GatewayServer, seconds?: number) =>
  until(`a certificate for ${domain}`, () => fingerprint(domain, gateway).then(() => true, () => false), seconds)
const gatewayContainer = ({ server }: GatewayServer) =>
  server.exec(['docker', 'ps', '--all', '--filter', 'name=^gateway-', '--format', '{{.Names}}'])

describe('automatic certificates', () => {
  const domains = ['shop.test', 'www.shop.test', 'intranet.internal']

  it('are had for a domain, for those that redirect to it, and for one that only an authority within the company knows', async () => {
    for (const domain of domains) await acme.point(domain, one.server.address)
    await routed({ domain: 'shop.test', tls: 'automatic', redirectFrom: ['www.shop.test'] })
    await routed({ domain: 'intranet.internal', tls: 'automatic' })
    for (const domain of domains) await served(domain)
    for (const domain of domains) {
      expect((await servedCertificate(one.server.address, domain, acme.root)).subjectaltname).toBe(`DNS:${domain}`)
    }
    const ask = (url: string) => askAt(one.server.address, url, acme.root)
    expect(await ask('http://shop.test/page')).toMatchObject({ status: 308, location: 'https://shop.test/page' })
    expect(await ask('http://www.shop.test/page')).toMatchObject({ status: 308, location: 'https://www.shop.test/page' })
    expect(await ask('https://www.shop.test/page')).toMatchObject({ status: 308, location: 'https://shop.test/page' })
    expect(await ask('https://shop.test/page')).toEqual({ status: 503, location: null, body: 'This site has no running version at the moment.' })
    expect(await acme.orders()).toBe(domains.length)
  })

  it('are kept when the gateway is restarted, deployed again and configured anew', async () => {
    const before = await Promise.all(domains.map((domain) => fingerprint(domain)))
    await one.server.exec(['docker', 'restart', await gatewayContainer(one)])
    await succeeded(await keystone.client.post(`${path()}/services/${one.gatewayServiceId}/deployments`, undefined, operationSchema))
    await routed({ domain: 'plain.test', tls: 'off' })
    for (const domain of domains) await served(domain)
    expect(await Promise.all(domains.map((domain) => fingerprint(domain)))).toEqual(before)
    expect(await acme.orders()).toBe(domains.length)
  })

  it('are not had for domains that lead elsewhere, which the API and the log tell, and others do not notice', async () => {
    const before = await fingerprint('shop.test')
    await acme.point('moved.test', other.server.address)
    const [domain = '', ...redirectFrom] = late
    const routeId = await routed({ domain, redirectFrom, tls: 'automatic' })
    const dns = () => keystone.client.get(`${ofRoute(routeId)}/dns`, z.unknown())
    const expected = [one.server.address]
    expect(await dns()).toEqual({
      isReady: false,
      records: [
        { name: 'moved.test', type: 'A', expected, found: [other.server.address], status: 'elsewhere' },
        { name: 'nowhere.test', type: 'A', expected, found: [], status: 'missing' },
      ],
    })
    const container = await gatewayContainer(one)
    const refusals = async () => (await one.server.exec(['sh', '-c', 'docker logs "$1" 2>&1', '-', container])).split('\n').filter((line) => line.includes('could not get certificate'))
    await until('refusals of both', async () => {
      const lines = await refusals()
      return late.every((domain) => lines.some((line) => line.includes(domain)))
    })
    expect(await fingerprint('shop.test')).toBe(before)

    for (const domain of late) await acme.point(domain, one.server.address)
    expect(await dns()).toMatchObject({ isReady: true })
  })
})

describe('a certificate of the user', () => {
  const domain = 'given.test'
  let authority: TestAuthority
  const keys: Record<string, string> = {}

  const issue = async (name: string) => {
    const certificate = await authority.issue([domain])
    keys[name] = certificate.privateKey
    return { certificate, fingerprint: new X509Certificate(certificate.chain).fingerprint256 }
  }
  const servedOnBoth = () => Promise.all([one, other].map((gateway) => fingerprint(domain, gateway, authority)))

  it('is served by two gateways of one domain, and replaced on each', async () => {
    authority = await createAuthority()
    const [first, second] = [await issue('first key'), await issue('second key')]
    const routes = [one, other].map((gateway) => routed({ domain, tls: 'provided', certificate: first.certificate }, gateway))
    const [here = '', there = ''] = await Promise.all(routes)
    expect(await servedOnBoth()).toEqual([first.fingerprint, first.fingerprint])
    await keystone.client.put(`${ofRoute(there)}/certificate`, second.certificate)
    await until('the second certificate', async () => (await servedOnBoth())[1] === second.fingerprint)
    expect(await servedOnBoth()).toEqual([first.fingerprint, second.fingerprint])
    await keystone.client.put(`${ofRoute(here)}/certificate`, second.certificate)
    await until('it on both', async () => (await servedOnBoth()).every((shown) => shown === second.fingerprint))
  })

  it('lies on the servers as a file of Keystone’s alone, and its key is nowhere else', async () => {
    const files = ['find', '/home/keystone/gateway/certificates', '-type', 'f', '-printf', '%m %u %f\\n']
    await until('the first certificate to be gone', async () => (await one.server.exec(files)).split('\n').length === 2)
    expect(await one.server.exec(files)).toMatch(/^600 keystone \S+\.(crt|key)\n600 keystone \S+\.(crt|key)$/)
    const { searched, found } = await secretsSeen({ keystone, server: one.server }, keys)
    expect(searched).toEqual(expect.arrayContaining(Object.keys(keys)))
    expect(found).toEqual([])
  })
})

it('a route that is there gets certificates, and is served without them again, as it is changed', async () => {
  const domain = 'changed.test'
  const plain = () => askAt(one.server.address, `http://${domain}/page`)
  const routeId = await routed({ domain, tls: 'off' })
  expect(await plain()).toMatchObject({ status: 503 })
  await acme.point(domain, one.server.address)
  await keystone.client.patch(ofRoute(routeId), { tls: 'automatic' })
  await served(domain)
  expect(await plain()).toMatchObject({ status: 308, location: `https://${domain}/page` })
  await keystone.client.patch(ofRoute(routeId), { tls: 'off' })
  await until('it to be served without', async () => (await plain()).status === 503)
})

it('automatic certificates come by themselves when the DNS has been put right', async () => {
  for (const domain of late) await served(domain, one, 150)
})
