import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { stepsOf } from '../../stack/demo/operation.ts'
import type { LabServer } from '../lab/index.ts'
import { publishForTwoPlatforms } from '../lab/platforms.ts'
import { accepts } from '../lab/probe.ts'
import { until } from '../lab/until.ts'
import { askThrough, connectLabRegistry, type Joined, openScene, type Sample, type Scene } from './scene.ts'
import { secretsSeen } from './secrets.ts'

/** The application runs on the scene's own server; another one, in no private network with it, builds. */
let scene: Scene
let builder: Joined & { serviceId: string }
let registryId: string
let shop: Sample
let blog: Sample

beforeAll(async () => {
  scene = await openScene({ name: 'images' })
  const joined = await scene.join('builder', { privateNetwork: 'elsewhere' })
  const { serviceId, operation } = await scene.organisation.createService({ driver: 'buildkit', name: 'builder', serverId: joined.serverId })
  expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded' })
  builder = { ...joined, serviceId }
  registryId = await connectLabRegistry(scene)
  shop = await scene.sample('shop')
  blog = await scene.sample('blog')
}, 900_000)

afterAll(() => scene?.close())

const linesOf = async (server: LabServer, ...argv: string[]) => (await server.exec(argv)).split('\n').filter(Boolean)
const versionOf = async ({ ask }: Sample) => /^visits version (.+)$/m.exec((await ask('/')).body)?.[1]
const imageOf = (application: string, server = scene.server) =>
  linesOf(server, 'sh', '-c', `docker ps --filter 'name=^${application}-production-web-[0-9a-f]*$' --format '{{.ID}}' | xargs docker inspect --format '{{.Config.Image}}'`)
const deployed = async (sample: Sample, wish: { image?: string } = {}) => scene.ended(await scene.organisation.deploy(sample.environmentId, wish))
const succeeded = { status: 'succeeded', outcome: 'deployed', failure: null, warnings: [] }

const queueSchema = z.object({ slots: z.number(), items: z.array(z.object({ operationId: z.string(), state: z.string(), ahead: z.number() })) })
const queue = () => scene.keystone.client.get(`/organisations/${scene.organisation.id}/services/${builder.serviceId}/builds`, queueSchema)

describe('a dedicated builder', () => {
  it('builds for a server that pulls what it has pushed, and leaves nothing of a build there', async () => {
    for (const { environmentId } of [shop, blog]) {
      await scene.organisation.changeEnvironment(environmentId, { buildStrategy: 'dedicated_builder', builderServiceId: builder.serviceId, registryId })
    }
    const tree = await scene.deployed('built elsewhere', shop)
    expect(tree).toMatchObject(succeeded)
    expect(stepsOf(tree).find(({ name }) => name === 'build image')?.server).toEqual({ name: 'builder' })
    const [image] = await imageOf('shop')
    expect(image).toMatch(new RegExp(`^${scene.lab.registry.host}/team/shop-production@sha256:`))
    expect(await linesOf(builder.server, 'docker', 'ps', '--all', '--quiet')).toEqual([])
    const onServer = await linesOf(scene.server, 'docker', 'image', 'ls', '--format', '{{.Repository}}')
    expect(onServer.filter((name) => name.startsWith('serversideup') || name === 'composer')).toEqual([])
  })

  it('has one build at a time where it has one slot; the next one waits where people see it, and may be cancelled there', async () => {
    await scene.lab.gitHost.pushCommit(shop.repository, 'main', { files: { 'composer.json': await composer('sleep 15') } })
    await scene.lab.gitHost.pushCommit(blog.repository, 'main', { files: { VERSION: 'two\n' } })
    const first = await scene.organisation.deploy(shop.environmentId)
    await until('the first build to have begun', async () => (await queue()).items.length === 1)
    const second = await scene.organisation.deploy(blog.environmentId)
    await until('the second build to wait', async () => (await queue()).items.length === 2)
    expect((await queue()).items).toEqual([
      expect.objectContaining({ operationId: first.id, state: 'building', ahead: 0 }),
      expect.objectContaining({ operationId: second.id, state: 'waiting', ahead: 1 }),
    ])
    await scene.organisation.cancel(second.id)
    expect(await scene.ended(second)).toMatchObject({ status: 'cancelled' })
    expect((await queue()).items.map(({ operationId }) => operationId)).not.toContain(second.id)
    expect(await scene.ended(first)).toMatchObject(succeeded)
    expect(await queue()).toEqual({ slots: 1, items: [] })
  })

  it('goes on with the next one when the first has ended', async () => {
    await scene.lab.gitHost.pushCommit(shop.repository, 'main', { files: { VERSION: 'three\n', 'composer.json': await composer() } })
    const operations = [await scene.organisation.deploy(shop.environmentId), await scene.organisation.deploy(blog.environmentId)]
    for (const tree of await Promise.all(operations.map((operation) => scene.ended(operation)))) expect(tree).toMatchObject(succeeded)
    expect([await versionOf(shop), await versionOf(blog)]).toEqual(['three', 'two'])
  })
})

/** The sample's own, with a command that is run when its packages are installed. */
async function composer(command?: string): Promise<string> {
  const own = JSON.parse(await readFile(join(import.meta.dirname, '../lab/app/composer.json'), 'utf8'))
  return JSON.stringify(command === undefined ? own : { ...own, scripts: { ...own.scripts, 'post-install-cmd': command } })
}

/** An image as people build it themselves: nothing in it is Keystone's. */
async function handmade(version: string): Promise<string> {
  const { host, username, password } = scene.lab.registry
  const [source] = await imageOf('shop')
  const name = `${host}/team/handmade:${version}`
  const dockerfile = [
    'FROM serversideup/php:8.4-frankenphp',
    `COPY --from=${source} --chown=www-data:www-data /var/www/html /var/www/html`,
    `RUN echo ${version} >VERSION`,
  ]
  const script = [
    'export DOCKER_CONFIG=$(mktemp -d)',
    'trap "rm -rf $DOCKER_CONFIG" EXIT',
    `docker login --username ${username} --password-stdin ${host} >/dev/null 2>&1`,
    `printf '%s\\n' ${dockerfile.map((line) => `'${line}'`).join(' ')} | docker build --quiet --tag ${name} - && docker push --quiet ${name} && docker image rm ${name}`,
  ]
  await builder.server.exec(['bash', '-ec', script.join('\n')], { input: password, timeoutSeconds: 180 })
  return name
}

describe('an image that was built elsewhere', () => {
  let first: string

  it('runs without a build, with migration, worker and scheduler, and by the digest that its tag had', async () => {
    first = await handmade('handmade-1')
    await scene.organisation.changeEnvironment(blog.environmentId, { buildStrategy: 'external_registry', image: first })
    const tree = await scene.deployed('given image', blog)
    expect(tree).toMatchObject(succeeded)
    const names = stepsOf(tree).map(({ name }) => name)
    expect(names).not.toContain('build image')
    expect(names).toEqual(expect.arrayContaining(['pull image', 'migrate', 'start web', 'start worker', 'start scheduler']))
    expect(await versionOf(blog)).toBe('handmade-1')
    expect((await imageOf('blog'))[0]).toMatch(new RegExp(`^${scene.lab.registry.host}/team/handmade@sha256:`))
    const [release] = await scene.organisation.releases(blog.environmentId)
    expect(release).toMatchObject({ commit: null, image: (await imageOf('blog'))[0], status: 'successful' })
    await blog.ask('/visit')
    const visits = async () => z.object({ processed: z.number(), ticks: z.array(z.unknown()) }).parse(JSON.parse((await blog.ask('/visits')).body))
    await until('its worker and scheduler to have worked', async () => {
      const { processed, ticks } = await visits()
      return processed > 0 && ticks.length > 0
    })
  })

  it('is unchanged as long as its tag is, and gone back to when it is not', async () => {
    expect(await deployed(blog)).toMatchObject({ status: 'succeeded', outcome: 'unchanged' })
    expect(await deployed(blog, { image: await handmade('handmade-2') })).toMatchObject(succeeded)
    expect(await versionOf(blog)).toBe('handmade-2')
    expect(await scene.ended(await scene.organisation.rollBack(blog.environmentId))).toMatchObject({ status: 'succeeded', outcome: 'rolled_back' })
    expect(await versionOf(blog)).toBe('handmade-1')
  })

  it('goes from the server with its last release', async () => {
    const [gone] = await imageOf('blog')
    await scene.organisation.changeEnvironment(blog.environmentId, { releaseRetention: 1 })
    expect(await deployed(blog, { image: await handmade('handmade-3') })).toMatchObject(succeeded)
    const left = await linesOf(scene.server, 'docker', 'image', 'ls', '--digests', '--format', '{{.Repository}}@{{.Digest}}', `${scene.lab.registry.host}/team/handmade`)
    expect(left).toEqual(await imageOf('blog'))
    expect(left).not.toContain(gone)
  })
})

describe('servers of two kinds', () => {
  let arm: Joined
  let mixed: Sample
  let formatsBefore: readonly string[]
  const formats = () => linesOf(builder.server, 'ls', binaryFormats)

  /** The kernel's formats are those of the machine that the lab is on: what was not there before goes again. */
  afterAll(async () => {
    if (!formatsBefore) return
    const added = (await formats()).filter((format) => !formatsBefore.includes(format))
    await builder.server.exec(['sh', '-c', `for format in ${added.join(' ')}; do echo -1 >${binaryFormats}/$format; done`])
  })

  it('are not deployed to by a builder for one of them', async () => {
    arm = await joinArm()
    await publishForTwoPlatforms('php', 'serversideup/php', '8.3-frankenphp')
    const fleet = { serverIds: [scene.prepared.serverId, arm.serverId], registryId }
    mixed = await scene.sample('mixed', { fleet, phpVersion: '8.3' })
    await scene.organisation.setVariable(mixed.environmentId, 'FILESYSTEM_DISK', 's3')
    await expect(scene.organisation.deploy(mixed.environmentId)).rejects.toMatchObject({ status: 422, code: 'mixed_architectures' })
  })

  it('are deployed to by a builder for both, which learns to run what is not its own', async () => {
    await builder.server.exec(['sh', '-c', `mountpoint -q ${binaryFormats} || mount -t binfmt_misc binfmt_misc ${binaryFormats}`])
    formatsBefore = await formats()
    const wish = { driver: 'buildkit', name: 'both', serverId: builder.serverId, config: { platforms: ['linux/amd64', 'linux/arm64'] } }
    const { serviceId, operation } = await scene.organisation.createService(wish)
    expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded', failure: null })
    expect(await foreignMachine(builder.server)).toBe('aarch64')
    await scene.organisation.changeEnvironment(mixed.environmentId, { buildStrategy: 'dedicated_builder', builderServiceId: serviceId })
    expect(await scene.deployed('two platforms', mixed)).toMatchObject(succeeded)
  })

  it('run one digest, each its own part of it, and both answer', async () => {
    const servers = [scene.server, arm.server]
    const [[running = ''], onArm] = [await imageOf('mixed'), await imageOf('mixed', arm.server)]
    expect(running).toMatch(new RegExp(`^${scene.lab.registry.host}/team/mixed-production@sha256:`))
    expect(onArm).toEqual([running])
    const inspected = servers.map((server) => linesOf(server, 'docker', 'image', 'inspect', '--format', '{{.Architecture}}', running))
    expect(await Promise.all(inspected)).toEqual([['amd64'], ['arm64']])
    const hosts = new Set<string | undefined>()
    await until('both to answer', async () => hosts.add(/^container (.+)$/m.exec((await mixed.ask('/')).body)?.[1]).size === 2)
  })

  it('keep what a release needs of both, and the builder its caches', async () => {
    await scene.organisation.changeEnvironment(mixed.environmentId, { releaseRetention: 1 })
    await scene.lab.gitHost.pushCommit(mixed.repository, 'main', { files: { VERSION: 'mixed-2\n' } })
    expect(await deployed(mixed)).toMatchObject(succeeded)
    expect(await versionOf(mixed)).toBe('mixed-2')
    const name = `${scene.lab.registry.host}/team/mixed-production`
    for (const server of [scene.server, arm.server]) {
      const left = await linesOf(server, 'docker', 'image', 'ls', '--digests', '--format', '{{.Repository}}@{{.Digest}}', name)
      expect(left).toEqual(await imageOf('mixed', server))
    }
    const tags = await linesOf(builder.server, 'docker', 'image', 'ls', '--format', '{{.Tag}}', name)
    expect(new Set(tags.map((tag) => tag.split('-')[1]))).toEqual(new Set(['amd64', 'arm64']))
  })
})

const binaryFormats = '/proc/sys/fs/binfmt_misc'

/** A server that takes itself for an arm64 one: it says so, and its Docker pulls and starts what is for that. */
async function joinArm(): Promise<Joined> {
  const server = await scene.lab.server('arm', { preinstalled: true })
  const uname = '#!/bin/sh\n[ "$1" = -m ] && echo aarch64 || exec /usr/bin/uname "$@"\n'
  await server.exec(['sh', '-c', 'cat >/usr/local/bin/uname && chmod 755 /usr/local/bin/uname'], { input: uname })
  await server.exec(['systemctl', 'set-environment', 'DOCKER_DEFAULT_PLATFORM=linux/arm64'])
  const { serverId, operation } = await scene.organisation.adoptServer(server)
  expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded' })
  return { server, serverId }
}

/** What a program of Debian's arm64 says in a container of a server. */
async function foreignMachine(server: LabServer): Promise<string> {
  const script = [
    'cd $(mktemp -d)',
    'dpkg --add-architecture arm64 && apt-get update -q >/dev/null && apt-get download -q busybox-static:arm64 >/dev/null',
    'dpkg-deb --extract busybox-static_*.deb root && tar --create --directory root . | docker import --platform linux/arm64 - foreign >/dev/null',
    'docker run --rm --platform linux/arm64 foreign /usr/bin/busybox uname -m && docker image rm foreign >/dev/null',
  ]
  return (await server.exec(['bash', '-ec', script.join('\n')], { timeoutSeconds: 180 })).trim()
}

describe('an application in another network than its database and its gateway', () => {
  const domain = 'far.test'
  const canReach = async (address: string, port: string) =>
    (await builder.server.exec(['sh', '-c', `timeout 3 bash -c ': </dev/tcp/${address}/${port}' 2>/dev/null && echo yes || echo no`])).trim() === 'yes'
  const checksOf = async () => (await scene.organisation.checks(environmentId)).map(({ code, message }) => `${code}: ${message}`)
  let environmentId: string

  it('is not attached to what is not allowed to be reached publicly', async () => {
    const { sshUrl, hostKey } = await scene.lab.gitHost.createRepository('far')
    const addDeployKey = (publicKey: string) => scene.lab.gitHost.addDeployKey('far', publicKey)
    const { applicationId } = await scene.organisation.createApplication('far', { sshUrl, hostKey, addDeployKey })
    const built = { buildStrategy: 'dedicated_builder', builderServiceId: builder.serviceId, registryId }
    const wish = { name: 'production', serverIds: [builder.serverId], allowPublic: true, schedulerEnabled: false, ...built }
    environmentId = (await scene.organisation.createEnvironment(applicationId, wish)).environmentId
    await scene.organisation.setVariable(environmentId, 'SESSION_DRIVER', 'array')
    const refused = scene.organisation.attach(environmentId, { serviceId: scene.prepared.databaseId, role: 'database' })
    await expect(refused).rejects.toMatchObject({ status: 422, code: 'service_unreachable' })
  })

  it('reaches over the internet what is allowed to be, which lets in nobody else, from the moment on that it is attached', async () => {
    const wish = { driver: 'postgres', name: 'public', serverId: scene.prepared.serverId, allowPublic: true }
    const { serviceId, operation } = await scene.organisation.createService(wish)
    expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded' })
    const container = "$(docker ps --quiet --filter 'name=^public-[0-9a-f]*$')"
    const port = await publicPort(scene.server, 'public')
    expect(await canReach(scene.server.address, port)).toBe(false)
    const started = () => linesOf(scene.server, 'sh', '-c', `docker inspect --format '{{.Id}} {{.State.StartedAt}}' ${container}`)
    const before = await started()
    expect(await scene.ended((await scene.organisation.attach(environmentId, { serviceId, role: 'database' })).operation)).toMatchObject({ status: 'succeeded' })
    expect(await canReach(scene.server.address, port)).toBe(true)
    expect(await started()).toEqual(before)
    expect(await accepts(scene.server.address, Number(port))).toBe(false)
  })

  it('answers a gateway over the internet that is allowed to ask it there, and nobody else; its checks tell of both ways', async () => {
    const { operation } = await scene.organisation.route(environmentId, { domain, tls: 'off', gatewayServiceId: scene.prepared.gatewayId })
    expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded' })
    expect(await scene.ended(await scene.organisation.deploy(environmentId))).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
    expect((await askThrough(scene.server.address, domain, '/')).body).toContain('visits version')
    expect(await accepts(builder.server.address, Number(await publicPort(builder.server, 'far-production-web')))).toBe(false)
    expect(await checksOf()).toEqual([
      expect.stringMatching(/^queue_is_sync: /),
      'public_fallback: public on s1 is reached from builder over the internet, unencrypted.',
      'database_far: public on s1 is reached from builder, in another location: each query takes its way there and back.',
      'public_fallback: production on builder is reached by the gateway on s1 over the internet, unencrypted.',
      'cross_location_upstream: production on builder is reached by the gateway on s1, in another location: each request takes its way there and back.',
    ])
  })

  it('is told of neither once it is where they are', async () => {
    const [web] = await scene.organisation.services(environmentId)
    await scene.organisation.changeService(web!.id, { placements: [{ serverId: scene.prepared.serverId, count: 1 }] })
    expect(await scene.ended(await scene.organisation.deploy(environmentId))).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
    expect(await checksOf()).toEqual([expect.stringMatching(/^queue_is_sync: /)])
    expect((await askThrough(scene.server.address, domain, '/')).body).toContain('visits version')
    expect(await imageOf('far')).toHaveLength(1)
    expect(await linesOf(builder.server, 'docker', 'ps', '--quiet', '--filter', 'name=^far-')).toEqual([])
  })
})

/** Where a container whose name begins so and ends with the id of its replica is published on its server's public address. */
async function publicPort(server: LabServer, name: string): Promise<string> {
  const format = '{{range .HostConfig.PortBindings}}{{range .}}{{.HostIp}} {{.HostPort}}{{"\\n"}}{{end}}{{end}}'
  const container = `$(docker ps --quiet --filter 'name=^${name}-[0-9a-f]*$')`
  const published = (await linesOf(server, 'sh', '-c', `docker inspect --format '${format}' ${container}`)).map((line) => line.split(' '))
  const [, port = ''] = published.find(([address]) => address === server.address) ?? []
  expect(port).toMatch(/^2\d{4}$/)
  return port
}

it('no secret has been left anywhere', async () => {
  const { searched, found } = await secretsSeen(scene, {}, [scene.server, builder.server])
  expect(searched.length).toBeGreaterThan(10)
  expect(found).toEqual([])
})
