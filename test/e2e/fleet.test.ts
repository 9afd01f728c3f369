import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kindOf } from '../chaos/kill-points.ts'
import { watch } from '../chaos/fault.ts'
import { stepsOf, type OperationTree } from '../../stack/demo/operation.ts'
import { compareFingerprints, serverFingerprint } from '../lab/instruments/index.ts'
import type { LabServer } from '../lab/index.ts'
import { type Answer, askThrough, connectLabRegistry, type Joined, openScene, type Sample, type Scene } from './scene.ts'
import { secretsSeen } from './secrets.ts'
import { until } from '../lab/until.ts'
import { wrongMinutes } from '../load/noticed.ts'
import { commitServed, underLoad, visitsOf } from './under-load.ts'
import { createVersions, type Versions } from './versions.ts'

/** Postgres, Valkey and the gateway are on the scene's own server, the application on two others; a fourth has nothing to do with them. */
let scene: Scene
let web: Joined[]
let stranger: LabServer
let sample: Sample
let versions: Versions

const web2 = () => web[0]!.server
const web3 = () => web[1]!.server

beforeAll(async () => {
  scene = await openScene({ name: 'fleet' })
  web = await Promise.all([scene.join('s2'), scene.join('s3')])
  stranger = await scene.lab.server('s4')
}, 900_000)

afterAll(() => scene?.close())

const linesOf = async (server: LabServer, ...argv: string[]) => (await server.exec(argv)).split('\n').filter(Boolean)

/** Containers whose names begin so and end with the id of a replica or service, each as Docker describes it. */
async function containers(server: LabServer, name: string, format: string): Promise<string[]> {
  const ids = await linesOf(server, 'docker', 'ps', '--quiet', '--filter', `name=^${name}-[0-9a-f]{8}$`)
  return ids.length === 0 ? [] : linesOf(server, 'docker', 'inspect', '--format', format, ...ids)
}

/** Address and port at which a container is published. */
async function publishedAt(server: LabServer, name: string): Promise<[string, string]> {
  const format = '{{range .HostConfig.PortBindings}}{{range .}}{{.HostIp}} {{.HostPort}}{{end}}{{end}}'
  const [address = '', port = ''] = (await containers(server, name, format)).join().split(' ')
  return [address, port]
}

async function canReach(from: LabServer, [address, port]: [string, string]): Promise<boolean> {
  const answer = await from.exec(['sh', '-c', `timeout 3 bash -c ': </dev/tcp/${address}/${port}' 2>/dev/null && echo yes || echo no`])
  return answer.trim() === 'yes'
}

const startsOf = (server: LabServer) =>
  linesOf(server, 'sh', '-c', "docker ps --quiet | xargs docker inspect --format '{{.Name}} {{.Id}} {{.State.StartedAt}}' | sort")
const webImages = (server: LabServer) => containers(server, 'visits-production-web', '{{.Config.Image}}')

describe('a database on another server', () => {
  it('is reached by nobody else before it is attached, and by the servers of its environment after it, without a container restarted', async () => {
    const databaseAt = await publishedAt(scene.server, 'database-s1')
    const cacheAt = await publishedAt(scene.server, 'cache-s1')
    const others = [web2(), web3(), stranger]
    const reached = () => Promise.all([databaseAt, cacheAt].flatMap((at) => others.map((server) => canReach(server, at))))
    expect(await reached()).toEqual([false, false, false, false, false, false])
    const before = await startsOf(scene.server)
    const fleet = { serverIds: web.map(({ serverId }) => serverId), registryId: await connectLabRegistry(scene) }
    sample = await scene.sample('visits', { web: { startTimeoutSeconds: 20 }, fleet })
    expect(await reached()).toEqual([true, true, false, true, true, false])
    expect(await startsOf(scene.server)).toEqual(before)
    versions = createVersions(scene, sample)
  })
})

describe('a deploy to two servers behind the gateway of a third', () => {
  it('runs the same digest on both, migrates once, and both answer', async () => {
    const tree = await scene.deployed('fleet', sample)
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null, warnings: [{ code: 'local_disk' }] })
    await scene.organisation.setVariable(sample.environmentId, 'FILESYSTEM_DISK', 's3')
    const images = [...(await webImages(web2())), ...(await webImages(web3()))]
    expect(images).toHaveLength(2)
    expect(images[0]).toMatch(/@sha256:[0-9a-f]{64}$/)
    expect(new Set(images).size).toBe(1)
    expect(stepsOf(tree).filter(({ name }) => name === 'migrate')).toHaveLength(1)
    expect(await commitServed(sample)).toBe(await scene.lab.gitHost.head(sample.repository, 'main'))
    await until('the first tick', async () => (await visitsOf(sample)).ticks.length > 0)
    expect(await answeredBy()).toEqual(new Set(web.map(({ server }) => server.name)))
  })

  it('lets nobody but the gateway reach the replicas', async () => {
    const at = await publishedAt(web2(), 'visits-production-web')
    expect(await canReach(scene.server, at)).toBe(true)
    expect(await canReach(web3(), at)).toBe(false)
    expect(await canReach(stranger, at)).toBe(false)
  })

  it('is noticed by nobody when it is repeated with another version', async () => {
    const old = await commitServed(sample)
    const head = await versions.next()
    const { result: tree, load, noticed } = await underLoad(scene, sample, deployed)
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null, warnings: [] })
    expect(noticed).toEqual([])
    expect(load.versions.map(({ commit }) => commit)).toEqual([old, head])
  })

  it('closes the ports of what it has replaced', async () => {
    const open = await linesOf(web2(), 'sh', '-c', 'iptables -S KEYSTONE-PORTS | grep -c -- "--ctorigdst .* RETURN"')
    expect(open).toEqual(['1'])
  })
})

/** Servers whose containers answer. */
async function answeredBy(ask: (path: string) => Promise<Answer> = sample.ask): Promise<Set<string>> {
  const names = new Map<string, string>()
  for (const { server } of web) for (const id of await linesOf(server, 'docker', 'ps', '--quiet')) names.set(id, server.name)
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/')))
  return new Set(answers.map(({ body }) => names.get(/^container (\S+)$/m.exec(body)?.[1] ?? '') ?? body))
}

/** Pushes a version that does not get well on one of the servers, and one without that flaw after `work`. */
async function withFlawedVersion<Result>(work: (head: string) => Promise<Result>): Promise<Result> {
  const push = (files: Record<string, string | null>) => scene.lab.gitHost.pushCommit(sample.repository, 'main', { files })
  const [container = ''] = await containers(web3(), 'visits-production-web', '{{.Id}}')
  await web3().exec(['docker', 'exec', container, 'touch', 'storage/app/sick'])
  const result = await work(await push({ UNHEALTHY_WHERE_SICK: '' }))
  await push({ UNHEALTHY_WHERE_SICK: null })
  return result
}

const deployed = async () => scene.ended(await scene.organisation.deploy(sample.environmentId))

const fingerprints = () => Promise.all([scene.server, web2(), web3()].map(serverFingerprint))
const failedOnOne = { status: 'failed', failure: { code: 'step_failed', step: 'start web', server: 's3' } }

describe('one server on which the new version does not get well', () => {
  it('returns the whole fleet to the old version', async () => {
    const before = await fingerprints()
    const serving = await commitServed(sample)
    expect(await withFlawedVersion(deployed)).toMatchObject(failedOnOne)
    const after = await fingerprints()
    expect(after.flatMap((one, index) => compareFingerprints(before[index]!, one))).toEqual([])
    expect(await commitServed(sample)).toBe(serving)
  })
})

describe('in batches', () => {
  beforeAll(() => scene.organisation.changeEnvironment(sample.environmentId, { rolloutBatchSize: 1 }))
  afterAll(() => scene.organisation.changeEnvironment(sample.environmentId, { rolloutBatchSize: null }))

  it('a server gets the new version when the one before has its traffic, and nobody notices', async () => {
    const head = await versions.next()
    const { result: tree, noticed } = await underLoad(scene, sample, deployed)
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null, warnings: [] })
    expect(noticed).toEqual([])
    const names = stepsOf(tree)
      .filter(({ name }) => name === 'start web' || name.startsWith('apply gateway revision'))
      .toSorted((one, other) => Date.parse(one.startedAt) - Date.parse(other.startedAt))
      .map(({ name, server }) => `${name.split(' ')[0]} on ${server?.name}`)
    expect(names).toEqual(['start on s2', 'apply on s1', 'start on s3', 'apply on s1'])
    expect(await commitServed(sample)).toBe(head)
  })

  it('what has switched already returns when a later one does not get well', async () => {
    const before = await fingerprints()
    const serving = await commitServed(sample)
    await withFlawedVersion(async (next) => {
      const { result: tree, load, noticed } = await underLoad(scene, sample, deployed)
      expect(tree).toMatchObject(failedOnOne)
      expect(noticed).toEqual([])
      expect(load.versions.map(({ commit }) => commit)).toEqual([serving, next])
    })
    const answers = await Promise.all(Array.from({ length: 20 }, () => commitServed(sample)))
    expect(new Set(answers)).toEqual(new Set([serving]))
    const left = (await fingerprints()).flatMap((one, index) => compareFingerprints(before[index]!, one))
    expect(left.filter((line) => !isGatewaysRevision.test(line))).toEqual([])
  })
})

/** A gateway that is returned has another revision of the same routes. */
const isGatewaysRevision = /\/home\/keystone\/gateway\//

describe('two gateways with the same domain', () => {
  const atSecond = (path: string) => askThrough(web2().address, sample.domain, path)
  const commitAtSecond = async () => /^commit (\S+)$/m.exec((await atSecond('/')).body)?.[1]

  it('both route to all replicas, and the second one comes without a container restarted', async () => {
    const others = async () => (await Promise.all([web2(), web3()].map(startsOf))).flat().filter((line) => !line.includes('gateway'))
    const before = await others()
    const gateway = await scene.organisation.createService({ driver: 'caddy', name: 'gateway-s2', serverId: web[0]!.serverId })
    expect(await scene.ended(gateway.operation)).toMatchObject({ status: 'succeeded' })
    const wish = { domain: sample.domain, tls: 'off', gatewayServiceId: gateway.serviceId }
    const { operation } = await scene.organisation.route(sample.environmentId, wish)
    expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded' })
    expect(await commitAtSecond()).toBe(await commitServed(sample))
    expect(await answeredBy(atSecond)).toEqual(new Set(['s2', 's3']))
    expect(await others()).toEqual(before)
  })

  it('switch together, and nobody notices at either', async () => {
    const head = await versions.next()
    const statuses: unknown[] = []
    const { result: tree, noticed } = await underLoad(scene, sample, async () => {
      let isOver = false
      const asking = (async () => {
        while (!isOver) statuses.push(await atSecond('/').then(({ status }) => status, String))
      })()
      const ended = await deployed().finally(() => (isOver = true))
      await asking
      return ended
    })
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null, warnings: [] })
    expect(noticed).toEqual([])
    expect(statuses.length).toBeGreaterThan(50)
    expect(statuses.filter((status) => status !== 200)).toEqual([])
    expect([await commitServed(sample), await commitAtSecond()]).toEqual([head, head])
  })

  it('return together', async () => {
    const serving = await commitServed(sample)
    expect(await withFlawedVersion(deployed)).toMatchObject(failedOnOne)
    expect([await commitServed(sample), await commitAtSecond()]).toEqual([serving, serving])
  })
})

describe('the scheduler', () => {
  const tickedOn = async (server: LabServer) => {
    const { ticks } = await visitsOf(sample)
    return (await linesOf(server, 'docker', 'ps', '--quiet')).includes(ticks.at(-1)?.container ?? '')
  }

  it('passes to another server without a minute that is ticked twice, or not at all', async () => {
    const begun = Date.now()
    await until('a tick on s2', () => tickedOn(web2()))
    const { environmentId } = sample
    await scene.organisation.addService(environmentId, { name: 'jobs', role: 'worker', serverId: web[1]!.serverId })
    const jobs = (await scene.organisation.services(environmentId)).find(({ name }) => name === 'jobs')
    await scene.organisation.changeEnvironment(environmentId, { schedulerTargetServiceId: jobs?.id })
    expect(await deployed()).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null, warnings: [] })
    await until('a tick on s3', () => tickedOn(web3()))
    const { ticks } = await visitsOf(sample)
    expect(wrongMinutes(ticks, { from: begun, to: Date.parse(`${ticks.at(-1)?.minute.replace(' ', 'T')}Z`) + 60_000 })).toEqual([])
  })
})

describe('a replica that hangs', () => {
  it('is left out by a gateway that asks actively, and comes back', async () => {
    const domain = 'active.test'
    const wish = { domain, tls: 'off', gatewayServiceId: scene.prepared.gatewayId, activeHealthIntervalSeconds: 1 }
    const { operation } = await scene.organisation.route(sample.environmentId, wish)
    expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded' })
    const ask = () => askThrough(scene.server.address, domain, '/')
    const [container = ''] = await containers(web2(), 'visits-production-web', '{{.Id}}')
    await web2().exec(['docker', 'pause', container])
    const only3 = async () => [...(await answeredBy(ask).catch(() => []))].join() === 's3'
    await until('the hanging replica to be left out', only3)
    await web2().exec(['docker', 'unpause', container])
    await until('it to be back', async () => (await answeredBy(ask)).size === 2)
  })
})

/** What a dying server has accepted is lost with it; what Caddy sends there afterwards is tried elsewhere. */
const secondsToNotice = 10

describe('a server', () => {
  const runs = (step: string) => (tree: OperationTree) => stepsOf(tree).some((one) => kindOf(one) === step && one.status === 'running')

  it('that is rebooted in the middle of a deploy is no cause', async () => {
    const head = await versions.next()
    const watching = watch(scene, await scene.organisation.deploy(sample.environmentId))
    await watching.reaches(runs('start web'))
    await web3().reboot()
    expect(await watching.ended).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null })
    expect(await commitServed(sample)).toBe(head)
    expect(await webImages(web2())).toEqual(await webImages(web3()))
    const at = await publishedAt(web3(), 'visits-production-web')
    expect([await canReach(scene.server, at), await canReach(stranger, at)]).toEqual([true, false])
  })

  it('that dies under load is left out by the gateway itself', async () => {
    const { result: died, load } = await underLoad(scene, sample, async () => {
      const at = Date.now()
      await web2().reboot()
      return at
    })
    const late = load.failures.filter(({ at }) => Date.parse(at) > died + secondsToNotice * 1000)
    expect(late).toEqual([])
  })
})

it('no secret is where it must not be', async () => {
  const { searched, found } = await secretsSeen(scene, {}, [scene.server, web2(), web3()])
  expect(searched.length).toBeGreaterThan(10)
  expect(found).toEqual([])
})
