import { Agent, request } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { caddy } from '../../../drivers/services/caddy/driver.ts'
import { readCertificate } from '../../../drivers/services/certificate.ts'
import { type Certificate, type RouteCertificate, type RouteInput, unansweredExitCode, type Upstream } from '../../../drivers/services/contract-gateway.ts'
import { resolveImage } from '../../../drivers/services/image.ts'
import { createAuthority } from '../../certificates.ts'
import { servedCertificate } from '../../tls-client.ts'
import { replica } from './replicas.ts'
import { openServiceServer, type ServiceServer } from './service-server.ts'

const service = caddy.configured({})
const gateway = service.gateway!
let server: ServiceServer
let input = replica({ ownership: { organisationId: 'org', environmentId: null, serviceId: 'gw', replicaId: 'gw-1', operationId: 'op' }, containerName: 'gateway' })

beforeAll(async () => {
  server = await openServiceServer('gateway')
  const { digest } = (await server.run(resolveImage('caddy:2'))).facts()
  input = { ...input, image: digest }
  ;(await server.run(service.startReplica(input))).facts()
}, 300_000)
afterAll(() => server?.close())

/** The gateway's own health site stands for a replica. */
const itself: Upstream = { host: '127.0.0.1', port: 2018 }

const section = (
  domain: string,
  web: readonly Upstream[],
  config: object = { tls: 'off' },
  others: Partial<Pick<RouteInput, 'otherVersions' | 'draining'>> = {},
  given: Certificate | null = null,
) =>
  gateway.renderSection({
    ...{ sliceId: domain, domain, config, certificate: given, web, assetPaths: ['/build'], websocket: [], websocketPaths: [], healthPath: '/' },
    ...{ otherVersions: [], draining: [], ...others },
  })
const apply = (revision: number, sections: readonly string[], certificates: readonly RouteCertificate[] = []) =>
  server.run(gateway.apply({ containerName: 'gateway', revision, text: gateway.renderConfiguration(revision, sections), certificates, started: [] }))
const answer = async (host: string, ...options: string[]) =>
  (await server.exec(['curl', '-sk', '-w', ' %{http_code} %{redirect_url}', ...options, '-H', `Host: ${host}`, 'http://127.0.0.1/'])).stdout.trim()

/** Asks one question after the other until it leaves: GETs on new connections, POSTs on one that it keeps as long as it may. */
function visit(domain: string, method: 'GET' | 'POST') {
  const agent = new Agent({ keepAlive: method === 'POST', maxSockets: 1 })
  const said = { method, answered: 0, connections: 0, lost: [] as string[] }
  let stays = true
  const ask = () =>
    new Promise<void>((resolve) => {
      const asked = request({ host: server.address, method, agent, headers: { host: domain } }, (answer) => {
        said.answered += answer.statusCode === 200 ? 1 : 0
        answer.resume().once('close', resolve)
      })
      asked.once('socket', () => void (said.connections += asked.reusedSocket ? 0 : 1))
      asked.once('error', (error) => resolve(void said.lost.push(`${method}: ${error.message}`)))
      asked.end()
    })
  const ended = (async () => {
    while (stays) await ask()
    agent.destroy()
    return said
  })()
  return { ended, leave: () => void (stays = false) }
}

/** A client with one connection, which it keeps as long as it may; `ask` answers with status and body. */
function keptConnection(domain: string, isPlain: boolean) {
  const options = { keepAlive: true, maxSockets: 1 }
  const agent = isPlain ? new Agent(options) : new SecureAgent({ ...options, servername: domain, rejectUnauthorized: false })
  const send = isPlain ? request : secureRequest
  const ask = (path: string) =>
    new Promise<string>((resolve, reject) => {
      const asked = send({ host: server.address, path, agent, headers: { host: domain } }, (answer) => {
        text(answer).then((body) => resolve(`${answer.statusCode} ${body}`), reject)
      })
      asked.once('error', reject).end()
    })
  return { ask, leave: () => agent.destroy() }
}

/** A container that has one asset of its own. */
async function startVersion(name: string): Promise<void> {
  const serve = `mkdir /srv/build && printf ${name} >/srv/build/${name}.js && exec caddy file-server --root /srv --listen :8080`
  await server.exec(['docker', 'run', '--detach', '--name', name, '--network', 'keystone_gateway', input.image, 'sh', '-c', serve])
  await vi.waitUntil(async () => (await server.exec(['docker', 'exec', name, 'wget', '-q', '-O', '-', `http://127.0.0.1:8080/build/${name}.js`])).stdout === name, { timeout: 30_000, interval: 100 })
}

describe('a gateway', { timeout: 60_000 }, () => {
  const shop = section('shop.lab', [itself], { tls: 'off', redirectFrom: ['www.shop.lab'] })
  const empty = section('empty.lab', [])

  it('answers 404 for every host before it has routes', async () => {
    expect(await answer('shop.lab')).toBe('No such site here. 404')
  })

  it('runs what was applied, and says so from its running configuration', async () => {
    const facts = (await apply(5, [shop.text, empty.text])).facts()
    expect(facts.appliedRevision).toBe(5)
    expect(new Set(facts.liveSections)).toEqual(new Set([shop.hash, empty.hash]))
    expect(await answer('shop.lab')).toBe('well 200')
    expect(await answer('www.shop.lab')).toBe('308 http://shop.lab/')
    expect(await answer('empty.lab')).toBe('This site has no running version at the moment. 503')
    expect(await answer('other.lab')).toBe('No such site here. 404')
  })

  it('does nothing for a revision that is not newer', async () => {
    for (const revision of [4, 5]) {
      const facts = (await apply(revision, [])).facts()
      expect(facts).toMatchObject({ appliedRevision: 5, liveSections: expect.arrayContaining([shop.hash]) })
    }
    expect(await answer('shop.lab')).toBe('well 200')
  })

  it.each([
    ['a text it cannot read', 'bad.lab {\n\tno_such_directive\n}\n', 'no_such_directive'],
    ['a certificate that is not there', section('tls.lab', [], { tls: 'provided' }, {}, { chain: new Secret('-'), privateKey: new Secret('-') }).text, 'no such file'],
  ])('refuses %s and stays as it was', async (_, text, reason) => {
    const refused = await apply(6, [text])
    expect(refused.exitCode).toBe(3)
    expect(refused.stderr).toContain(reason)
    expect(await answer('shop.lab')).toBe('well 200')
    expect((await apply(5, [])).facts().appliedRevision).toBe(5)
  })

  it('lets the newest of many win, whatever their order', async () => {
    const sections = Array.from({ length: 6 }, (_, index) => section(`site-${index}.lab`, [itself]))
    const outcomes = await Promise.all([8, 11, 7, 10, 9, 12].map((revision) => apply(revision, [sections[revision - 7]!.text])))
    for (const outcome of outcomes) outcome.facts()
    const last = (await apply(1, [])).facts()
    expect(last).toEqual({ appliedRevision: 12, liveSections: [sections[5]!.hash] })
  })

  it('serves a certificate that was given, and another one after it without an interruption', async () => {
    const authority = await createAuthority()
    const domains = ['given.lab', 'www.given.lab']
    const [one, two, third] = await Promise.all([1, 2, 3].map(async () => readCertificate({ ...(await authority.issue(domains)), domains })))
    const site = ({ certificate }: { certificate: Certificate }) =>
      section('given.lab', [itself], { tls: 'provided', redirectFrom: ['www.given.lab'] }, {}, certificate).text
    const applied = async (revision: number, given: { certificate: Certificate }, further = '') =>
      apply(revision, [site(given), further], [{ sliceId: 'given.lab', ...given.certificate }])
    const served = () => Promise.all(domains.map(async (domain) => (await servedCertificate(server.address, domain, authority.root)).fingerprint256))
    const files = async () => (await server.exec(['find', '/home/keystone/gateway/certificates', '-type', 'f', '-printf', '%m %u %f\\n'])).stdout

    ;(await applied(14, one!)).facts()
    expect(await served()).toEqual([one!.facts.fingerprint, one!.facts.fingerprint])
    expect(await files()).toMatch(/^(600 keystone given\.lab-[0-9a-f]{16}\.(crt|key)\n){2}$/)

    let isOver = false
    const seen: string[] = []
    const asking = (async () => {
      while (!isOver) seen.push(...(await served()))
    })()
    ;(await applied(15, two!)).facts()
    await vi.waitUntil(() => seen.slice(-10).length === 10 && seen.slice(-10).every((fingerprint) => fingerprint === two!.facts.fingerprint), { timeout: 20_000, interval: 50 })
    isOver = true
    await asking
    expect(new Set(seen)).toEqual(new Set([one!.facts.fingerprint, two!.facts.fingerprint]))

    const before = await files()
    expect((await applied(16, third!, 'bad.lab {\n\tno_such_directive\n}\n')).exitCode).toBe(3)
    expect(await files()).toBe(before)
    expect(await served()).toEqual([two!.facts.fingerprint, two!.facts.fingerprint])
    ;(await apply(17, [])).facts()
    expect(await files()).toBe('')
  })

  it('serves TLS by its own authority, and redirects to it', async () => {
    const tls = section('tls.lab', [itself], { tls: 'internal' })
    expect((await apply(20, [tls.text])).facts().liveSections).toEqual([tls.hash])
    expect(await answer('tls.lab')).toBe('308 https://tls.lab/')
    const { stdout } = await server.exec(['curl', '-sk', '--retry', '20', '--retry-all-errors', '--resolve', 'tls.lab:443:127.0.0.1', 'https://tls.lab/'])
    expect(stdout).toBe('well')
  })

  it('goes on with the applied configuration when it is killed or started again', async () => {
    await server.exec(['docker', 'kill', 'gateway'])
    await server.exec(['docker', 'start', 'gateway'])
    ;(await server.run(service.startReplica(input))).facts()
    expect((await apply(1, [])).facts().appliedRevision).toBe(20)
    expect(await answer('tls.lab')).toBe('308 https://tls.lab/')
  })

  it('loses no request when it takes another configuration, whether connections are new or kept', async () => {
    const site = section('busy.lab', [itself])
    ;(await apply(22, [site.text])).facts()
    const visitors = [...Array(12).keys()].map((index) => visit('busy.lab', index % 3 === 0 ? 'POST' : 'GET'))
    for (const revision of [23, 24, 25, 26, 27]) (await apply(revision, [site.text])).facts()
    for (const visitor of visitors) visitor.leave()
    const visits = await Promise.all(visitors.map(({ ended }) => ended))
    expect(visits.flatMap(({ lost }) => lost)).toEqual([])
    for (const { method, answered, connections } of visits) {
      expect(answered).toBeGreaterThan(20)
      // One more for each configuration that said good-bye.
      if (method === 'POST') expect(connections).toBeGreaterThanOrEqual(5)
    }
  })

  it('keeps connections again once it has taken a configuration', async () => {
    const head = async () => (await server.exec(['curl', '-si', '-H', 'Host: busy.lab', 'http://127.0.0.1/'])).stdout
    expect(await head()).toMatch(/ 200 OK\r\n/)
    expect(await head()).not.toMatch(/^connection: close\r$/im)
  })

  it('asks a replica itself', async () => {
    const ask = (...ports: number[]) => {
      const asked = ports.map((port) => ({ containerName: `web-${port}`, address: '127.0.0.1', port, path: '/' }))
      return server.run(gateway.ask({ containerName: 'gateway', asked }))
    }
    ;(await ask(2018)).facts()
    const refusal = (words: string) => ({ exitCode: unansweredExitCode, stderr: expect.stringContaining(words) })
    expect(await ask(2018, 80)).toMatchObject(refusal('the gateway asked web-80 for / and got 404'))
    expect(await ask(81)).toMatchObject(refusal('the gateway asked web-81 for / and got no answer'))
  })

  it('serves the assets of two versions while both run, and those of the one that is left', async () => {
    await Promise.all(['old', 'new'].map(startVersion))
    const [old, next] = ['old', 'new'].map((host): Upstream => ({ host, port: 8080 }))
    const ask = async (path: string) =>
      (await server.exec(['curl', '-s', '-w', ' %{http_code}', '-H', 'Host: shop.lab', `http://127.0.0.1${path}`])).stdout
    const expectUnion = async () => {
      // Whichever of them is asked first.
      for (let time = 0; time < 4; time += 1) {
        expect(await ask('/build/old.js')).toBe('old 200')
        expect(await ask('/build/new.js')).toBe('new 200')
        expect(await ask('/build/none.js')).toMatch(/ 404$/)
      }
      expect(await ask('/old.js')).not.toBe('old 200')
    }
    const both = section('shop.lab', [old!, next!], { tls: 'off', loadBalancing: 'round_robin' }, { otherVersions: [[next!], [old!]] })
    ;(await apply(40, [both.text])).facts()
    await expectUnion()
    ;(await apply(41, [section('shop.lab', [next!], { tls: 'off' }, { otherVersions: [[old!]] }).text])).facts()
    await expectUnion()

    await server.exec(['docker', 'rm', '--force', 'old'])
    expect(await ask('/build/new.js')).toBe('new 200')
    expect(await ask('/build/old.js')).toBe('No such file here. 404')
    expect(await ask('/build/none.js')).toBe('No such file here. 404')
    await server.exec(['docker', 'rm', '--force', 'new'])
    expect(await ask('/build/new.js')).toBe(' 502')
  })

  it.each(['off', 'internal'])('finds an asset of the next version on a connection of the configuration before it (TLS %s)', async (tls) => {
    const [before, after] = [`before-${tls}`, `after-${tls}`]
    await Promise.all([before, after].map(startVersion))
    const domain = `assets-${tls}.lab`
    const upstream = (host: string): Upstream => ({ host, port: 8080 })
    const kept = keptConnection(domain, tls === 'off')
    const revision = tls === 'off' ? 42 : 44
    ;(await apply(revision, [section(domain, [upstream(before)], { tls }).text])).facts()
    await vi.waitUntil(async () => (await kept.ask(`/build/${before}.js`).catch(() => '')) === `200 ${before}`, { timeout: 20_000, interval: 100 })
    const applied = apply(revision + 1, [section(domain, [upstream(after)], { tls }, { otherVersions: [[upstream(before)]], draining: [upstream(before)] }).text])
    // As long as nothing has changed, the asset is not there; from then on it is, on whichever connection.
    const answers: string[] = []
    while (answers.at(-1) !== `200 ${after}`) answers.push(await kept.ask(`/build/${after}.js`))
    expect(answers.slice(0, -1).every((answer) => answer.startsWith('404'))).toBe(true)
    for (let time = 0; time < 50; time += 1) expect(await kept.ask(`/build/${after}.js`)).toBe(`200 ${after}`)
    expect(await kept.ask('/build/none.js')).toMatch(/^404/)
    ;(await applied).facts()
    kept.leave()
    await server.exec(['docker', 'rm', '--force', before, after])
  })

  it('lets quiet upstreams go', async () => {
    await apply(50, [shop.text])
    await answer('shop.lab')
    expect((await server.run(gateway.drain({ containerName: 'gateway', upstreams: [{ ...itself, windowSeconds: 30 }] }))).facts()).toEqual([])
  })

  it('waits for what an upstream still has, no longer than its window', async () => {
    const host = (await server.exec(['docker', 'network', 'inspect', '--format', '{{(index .IPAM.Config 0).Gateway}}', 'keystone_gateway'])).stdout.trim()
    const slow: Upstream = { host, port: 9000 }
    await server.exec(['tee', '/tmp/slow-upstream.pl'], slowServer)
    await server.exec(['sudo', 'systemd-run', '--quiet', '--unit', 'slow-upstream', 'perl', '-MIO::Socket::INET', '/tmp/slow-upstream.pl'])
    ;(await apply(60, [section('slow.lab', [slow]).text])).facts()
    const answered = answer('slow.lab', '--retry', '20', '--retry-all-errors')
    expect((await server.exec(['sh', '-c', 'until [ -e /tmp/asked ]; do sleep 0.1; done'])).exitCode).toBe(0)

    ;(await apply(61, [section('slow.lab', [itself], { tls: 'off' }, { draining: [slow] }).text])).facts()
    expect(await answer('slow.lab')).toBe('well 200')
    const drained = async (windowSeconds: number) =>
      (await server.run(gateway.drain({ containerName: 'gateway', upstreams: [{ ...slow, windowSeconds }] }))).facts()
    expect(await drained(1)).toEqual([{ upstream: `${host}:9000`, inFlight: 1 }])
    const draining = drained(60)
    await server.exec(['touch', '/tmp/go'])
    expect(await draining).toEqual([])
    expect(await answered).toBe('late 200')
  })
})

/** Answers a request only when it is told to. */
const slowServer = `
  my $server = IO::Socket::INET->new(LocalPort => 9000, Listen => 5, ReuseAddr => 1) or die;
  my $client = $server->accept;
  while (<$client>) { last if /^\\r$/ }
  open my $asked, ">", "/tmp/asked"; close $asked;
  select undef, undef, undef, 0.1 until -e "/tmp/go";
  print $client "HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\nConnection: close\\r\\n\\r\\nlate";
`
