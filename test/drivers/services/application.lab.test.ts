import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import type { ProcessRole } from '../../../domain/services.ts'
import { type BuildFacts, outcomeUnknownExitCode, type OneOffFacts } from '../../../drivers/services/contract-application.ts'
import { resolveImage } from '../../../drivers/services/image.ts'
import { laravel } from '../../../drivers/services/laravel/driver.ts'
import { serviceDriver } from '../../../drivers/services/registry.ts'
import { knownHosts } from '../../../drivers/sources/known-hosts.ts'
import { parseRepositoryUrl } from '../../../drivers/sources/repository-url.ts'
import { sampleRepository, type Repository } from '../repository.ts'
import { replica } from './replicas.ts'
import { resolveBases, sampleBuild } from './sample-build.ts'
import { openServiceServer, type Outcome, type ServiceServer } from './service-server.ts'
import { openWebSocket } from './web-socket.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 })

let server: ServiceServer
let repository: Repository
let env: Record<string, string | Secret>
let image: string
let migrated: Outcome<OneOffFacts>
let scheduler: { containerId: string }
let baseDigests: Record<string, string>

const vanished = expect.objectContaining({ code: 'step_vanished' })
const patiently = { timeout: 60_000, interval: 100 }

const service = laravel.configured({ startTimeoutSeconds: 20, schedulerGraceSeconds: 30 })
const application = service.application!
const build = laravel.build!.configured({})

beforeAll(async () => {
  server = await openServiceServer('application')
  repository = await sampleRepository(server.lab)
  const resolved = resolveBases(server, build).then((digests) => (baseDigests = digests))
  const [database, keyspace] = await Promise.all([attached('postgres', 5432), attached('valkey', 6379), resolved])
  env = {
    APP_NAME: 'Visits',
    APP_KEY: new Secret(`base64:${Buffer.alloc(32, 7).toString('base64')}`),
    LOG_CHANNEL: 'stderr',
    CACHE_STORE: 'redis',
    QUEUE_CONNECTION: 'redis',
    SESSION_DRIVER: 'redis',
    ...database,
    ...keyspace,
  }
  image = imageIdOf((await server.run(await buildOf('main'))).facts())
  migrated = await server.run(migration(), migrationHash)
  for (const started of await Promise.all([web(), worker()].map((input) => server.run(service.startReplica(input))))) started.facts()
  scheduler = (await server.run(application.startScheduler({ replica: web(), follows: null }))).facts()
})
afterAll(() => server?.close())

/** A running data service with one slice; the variables for the application. */
async function attached(name: 'postgres' | 'valkey', port: number) {
  const driver = serviceDriver(name)
  const slices = driver.slices!
  const started = driver.configured({})
  const admin = driver.generateAdmin()
  if (started.image.from !== 'registry') throw new Error('not pulled')
  const { digest: image } = (await server.run(resolveImage(started.image.reference))).facts()
  const ownership = { organisationId: 'org', environmentId: null, serviceId: name, replicaId: `${name}-1`, operationId: 'op' }
  ;(await server.run(started.startReplica(replica({ ownership, containerName: `visits-${name}`, image, admin })))).facts()
  const slice = slices.configured({ config: slices.configure('visits', []), credentials: slices.generateCredentials() })
  ;(await server.run(slice.provision({ sliceId: 'slice', containerName: `visits-${name}`, admin }))).facts()
  return slice.exports({ endpoint: { host: `service-${name}`, port }, prefix: null })
}

/** Of the one platform that was built for. */
const imageIdOf = ({ images: [image] }: BuildFacts): string => image!.imageId

const buildOf = async (branch: string) => sampleBuild(build, { repository, commitSha: await repository.head(branch), baseDigests })

const replicaOf = (image: string, role: ProcessRole, replicaId: string) =>
  replica({
    ownership: { organisationId: 'org', environmentId: 'env', serviceId: role, replicaId, operationId: 'op' },
    containerName: `visits-${replicaId}`,
    role,
    image,
    imageIsLocal: true,
    env,
    networks: ['keystone_service_postgres', 'keystone_service_valkey'],
    memoryLimitMb: 512,
  })

const web = () => replicaOf(image, 'web', 'web-1')
const worker = () => replicaOf(image, 'worker', 'worker-1')

const oneOff = (name: string, command: string, { repeatable = false, of = image } = {}) =>
  application.oneOff({ replica: replicaOf(of, 'web', 'one-off'), name, command, repeatable })
const migration = (of = image) => oneOff('migrate', application.migration.command, { repeatable: true, of })
const migrationHash = '00000000000a'

const get = async (container: string, path: string) =>
  (await server.exec(['docker', 'exec', container, 'curl', '-fsS', `http://127.0.0.1:8080${path}`])).stdout
const succeedsIn = async (container: string, ...argv: string[]) =>
  (await server.exec(['docker', 'exec', container, ...argv])).exitCode === 0
const containers = async (label: string) => (await server.exec(['docker', 'ps', '-aq', '--filter', `label=${label}`])).stdout

describe('an application', () => {
  it('is built from its commit with Keystone\'s Dockerfile, once', async () => {
    const step = await buildOf('main')
    const { stdout: docker } = await server.exec(['docker', 'image', 'inspect', '--format', '{{json .Config.Labels}}', image])
    expect(JSON.parse(docker)).toMatchObject({ 'keystone.commit': await repository.head('main'), 'keystone.artifact': step.inputs.ARTIFACT_KEY })
    expect((await server.run(step)).facts()).toMatchObject({ images: [{ imageId: image, platform: 'linux/amd64' }], reused: true })
  })

  it('leaves neither source nor key behind', async () => {
    const { stdout } = await server.exec(['sh', '-c', 'find /home/keystone/operations -name work -o -name deploy-key -o -name .git; docker history --no-trunc "$1"', '-', image])
    expect(stdout).not.toContain('/home/keystone/operations')
    expect(stdout).not.toContain('PRIVATE KEY')
  })

  it('shows why a build failed', async () => {
    const broken = await server.run(await buildOf('broken-build'))
    expect(broken.exitCode).not.toBe(0)
    expect(broken.stderr).toContain('acme/no-such-package')
  })

  it('is built again without a download where its composer.lock is the same', async () => {
    const offline = ['DOCKER-USER', '--out-interface', 'eth0', '--jump', 'REJECT']
    await server.exec(['sudo', 'iptables', '--insert', ...offline])
    const built = await server.run(await buildOf('unhealthy'))
    await server.exec(['sudo', 'iptables', '--delete', ...offline])
    expect(built.facts()).toMatchObject({ reused: false })
    expect(built.stderr).toContain('Nothing to install, update or remove')
  })

  it('is not fetched from a host with another key', async () => {
    const step = await buildOf('slow-start')
    const strange = { ...step, inputs: { ...step.inputs, KNOWN_HOSTS: knownHosts(parseRepositoryUrl(repository.url), ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl']) } }
    const refused = await server.run(strange)
    expect(refused.exitCode).not.toBe(0)
    expect(refused.stderr).toContain('Host key verification failed')
  })

  it('migrates in a one-off container, which is gone afterwards', async () => {
    expect(migrated.facts()).toEqual({ outcome: 'exited', exitCode: 0 })
    expect(migrated.stdout).toContain('create_visits_table')

    await server.forgetEnd(migrationHash)
    const again = await server.run(migration(), migrationHash)
    expect(again.facts()).toEqual({ outcome: 'exited', exitCode: 0 })
    expect(again.stdout).toBe('')
    expect(await containers('keystone.oneoff')).toBe('')
  })

  it('reports the exit code of a failing command', async () => {
    const step = oneOff('fail', 'echo "it is $((40 + 2))" >&2; exit 7')
    const failed = await server.run(step)
    expect(failed.exitCode).toBe(7)
    expect(step.parse(failed.result)).toEqual({ outcome: 'exited', exitCode: 7 })
    expect(failed.stderr).toContain('it is 42')
  })

  it('goes on waiting for a one-off that still runs', async () => {
    const hash = '00000000000b'
    const step = oneOff('slow', 'while [ ! -e /tmp/go ]; do sleep 0.1; done; echo done; exit 3')
    const first = expect(server.run(step, hash)).rejects.toThrow(vanished)
    await vi.waitUntil(() => succeedsIn(`keystone-${hash}-slow`, 'true'), patiently)
    await server.kill(hash)
    await first
    const second = server.run(step, hash)
    expect(await succeedsIn(`keystone-${hash}-slow`, 'touch', '/tmp/go')).toBe(true)
    expect(await second).toMatchObject({ exitCode: 3, stdout: expect.stringContaining('done') })
  })

  it('can have its one-off containers stopped', async () => {
    const hash = '00000000000c'
    const running = server.run(oneOff('endless', 'trap "exit 9" TERM; touch /tmp/begun; sleep 600 & wait'), hash)
    await vi.waitUntil(() => succeedsIn(`keystone-${hash}-endless`, 'test', '-e', '/tmp/begun'), patiently)
    for (let time = 0; time < 2; time += 1) (await server.run(application.stopOneOffs({ operationHash: hash }))).facts()
    expect((await running).exitCode).not.toBe(0)
    expect(await containers(`keystone.oneoff=${hash}`)).toBe('')
  })

  it('that never gets healthy says what its health check saw', async () => {
    const built = (await server.run(await buildOf('unhealthy'))).facts()
    const unhealthy = replicaOf(imageIdOf(built), 'web', 'web-2')
    const failed = await server.run(service.startReplica(unhealthy))
    expect(failed.exitCode).toBe(1)
    expect(failed.stderr).toContain('the container is not healthy after 20 seconds')
    expect(failed.stderr).toContain('this version is unhealthy')
    expect(failed.stderr).toContain('GET /up: HTTP 500')
    ;(await server.run(service.stopReplica(unhealthy))).facts()
    expect(await containers('keystone.replica=web-2')).toBe('')
  })

  it('shows how a failing migration failed', async () => {
    const built = (await server.run(await buildOf('broken-migration'))).facts()
    const failed = await server.run(migration(imageIdOf(built)))
    expect(failed.exitCode).toBe(1)
    expect(failed.stdout).toContain('this migration fails')
  })

  it('that does not stay up shows its log', async () => {
    const crashing = laravel.configured({ workerCommand: 'php artisan no:such-command' })
    const worker = replicaOf(image, 'worker', 'worker-2')
    const failed = await server.run(crashing.startReplica(worker))
    expect(failed.exitCode).toBe(1)
    expect(failed.stderr).toContain('does not stay up')
    expect(failed.stderr).toContain('no:such-command')
    ;(await server.run(service.stopReplica(worker))).facts()
  })
})

describe('a running application', () => {
  it('serves, and a second start leaves the container alone', async () => {
    const facts = (await server.run(service.startReplica(web()))).facts()
    expect(Object.keys(facts.addresses).toSorted()).toEqual(['keystone_gateway', 'keystone_service_postgres', 'keystone_service_valkey'])
    expect((await server.run(service.startReplica(web()))).facts()).toEqual(facts)
    expect(await get('visits-web-1', '/')).toContain(`version 2\ncommit ${await repository.head('main')}`)
  })

  describe('behind a gateway', () => {
    const caddy = serviceDriver('caddy').configured({})
    const gateway = caddy.gateway!
    const socket = laravel.configured({ websocket: { command: 'php artisan socket:serve' }, drainWindowSeconds: 5 })
    const sockets = ['socket-1', 'socket-2'].map((id) => () => replicaOf(image, 'websocket', id))
    const ownership = { organisationId: 'org', environmentId: null, serviceId: 'gateway', replicaId: 'gateway-1', operationId: 'op' }
    const gatewayInput = () => replica({ ownership, containerName: 'gateway', image: caddyImage })
    let caddyImage: string
    let revision = 0

    const upstream = (id: string) => ({ host: `replica-${id}`, port: 8080 })
    const section = (serving: readonly string[], draining: readonly string[]) =>
      gateway.renderSection({
        ...{ sliceId: 'slice', domain: 'visits.lab', config: { tls: 'off' }, certificate: null, healthPath: '/up', assetPaths: [], otherVersions: [] },
        ...{ web: [upstream('web-1')], websocket: serving.map(upstream), draining: draining.map(upstream) },
        websocketPaths: socket.application!.websocketPaths,
      })
    const apply = async (serving: readonly string[], { draining = [], others = [] }: { draining?: string[]; others?: string[] } = {}) => {
      const { text, hash } = section(serving, draining)
      revision += 1
      const configuration = gateway.renderConfiguration(revision, [text, ...others])
      const applied = await server.run(gateway.apply({ containerName: 'gateway', revision, text: configuration, certificates: [], started: [] }))
      expect(applied.facts()).toEqual({ appliedRevision: revision, liveSections: [hash] })
    }
    const open = () => openWebSocket(server.address, 'visits.lab', '/app/key')

    beforeAll(async () => {
      caddyImage = (await server.run(resolveImage('caddy:2'))).facts().digest
      ;(await server.run(caddy.startReplica(gatewayInput()))).facts()
      ;(await server.run(socket.startReplica(sockets[0]!()))).facts()
      ;(await server.run(service.startReplica(web()))).facts()
    })
    afterAll(async () => {
      for (const input of sockets) (await server.run(socket.stopReplica(input()))).facts()
      ;(await server.run(caddy.stopReplica(gatewayInput()))).facts()
    })

    it('is asked by it, and then reached through it', async () => {
      const { containerId } = (await server.run(service.startReplica(web()))).facts()
      expect((await server.run(service.startReplica({ ...web(), gateway: 'gateway' }))).facts()).toMatchObject({ containerId })
      const nobody = await server.run(service.startReplica({ ...web(), gateway: 'no-gateway' }))
      expect(nobody).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('no-gateway') })
      await apply(['socket-1'])
      const { stdout } = await server.exec(['curl', '-si', '--max-time', '3', '-H', 'Host: visits.lab', 'http://127.0.0.1/'])
      expect(stdout).toContain('visits version 2')
    })

    it('keeps its sockets while others are deployed, and in its own deploy until the old container is told to end', async () => {
      const old = await open()
      expect(old.greeting).toBe('version 2')
      for (const other of ['one', 'two']) await apply(['socket-1'], { others: [`http://other.lab {\n\trespond ${other}\n}\n`] })
      expect(await old.ask('still here?')).toBe('still here? version 2')

      ;(await server.run(socket.startReplica(sockets[1]!()))).facts()
      await apply(['socket-1', 'socket-2'])
      await apply(['socket-2'], { draining: ['socket-1'] })
      const young = await open()
      expect(await old.ask('and now?')).toBe('and now? version 2')
      const drain = gateway.drain({ containerName: 'gateway', upstreams: [{ ...upstream('socket-1'), windowSeconds: 1 }] })
      expect((await server.run(drain)).facts()).toEqual([{ upstream: 'replica-socket-1:8080', inFlight: 1 }])

      ;(await server.run(socket.stopReplica(sockets[0]!()))).facts()
      await vi.waitUntil(() => !old.isOpen(), patiently)
      expect(await young.ask('and you?')).toBe('and you? version 2')
      young.close()
    })
  })

  it('processes its jobs in a worker', async () => {
    await get('visits-web-1', '/visit')
    const visits = () => get('visits-web-1', '/visits').then((text) => JSON.parse(text))
    await vi.waitUntil(async () => (await visits()).processed === 1, patiently)
    expect(await visits()).toMatchObject({ rows: 1, cached: 1 })
  })

  it('lets an old worker finish the job that it has, and then be gone', async () => {
    const old = replicaOf(image, 'worker', 'worker-3')
    ;(await server.run(service.stopReplica(worker()))).facts()
    ;(await server.run(service.startReplica(old))).facts()
    await get('visits-web-1', '/visit?seconds=8')
    await vi.waitUntil(async () => (await server.exec(['docker', 'logs', 'visits-worker-3'])).stdout.includes('RUNNING'), patiently)
    ;(await server.run(service.startReplica(worker()))).facts()
    expect((await server.run(service.stopReplica(old))).facts()).toEqual({ killed: [] })
    expect(await containers('keystone.replica=worker-3')).toBe('')
    expect(JSON.parse(await get('visits-web-1', '/visits'))).toMatchObject({ rows: 2, processed: 2 })
  })

  it('has a worker beside its web process where that is wished for', async () => {
    const embedding = laravel.configured({ embeddedWorker: true })
    const input = replicaOf(image, 'web', 'web-4')
    ;(await server.run(service.stopReplica(worker()))).facts()
    const facts = (await server.run(embedding.startReplica(input))).facts()
    expect((await server.run(embedding.startReplica(input))).facts()).toEqual(facts)
    await get('visits-web-1', '/visit?seconds=4')
    await vi.waitUntil(async () => (await server.exec(['docker', 'logs', 'visits-web-4-worker'])).stdout.includes('RUNNING'), patiently)
    expect((await server.run(embedding.stopReplica(input))).facts()).toEqual({ killed: [] })
    expect(JSON.parse(await get('visits-web-1', '/visits'))).toMatchObject({ rows: 3, processed: 3 })
    expect(await containers('keystone.replica=web-4')).toBe('')
    ;(await server.run(service.startReplica(worker()))).facts()
  })

  it('that is still booting has nothing to finish: it goes at once, and nothing was cut off', async () => {
    const input = replicaOf(image, 'web', 'booting')
    const health = ['--health-cmd', 'false', '--health-start-period', '10m', '--label', 'keystone.replica=booting']
    await server.exec(['docker', 'run', '--detach', ...health, '--entrypoint', 'sh', image, '-c', 'sleep 3600; exit'])
    expect((await server.run(service.stopReplica(input))).facts()).toEqual({ killed: [] })
    expect(await containers('keystone.replica=booting')).toBe('')
  })

  it('tells when a process did not end in its time', async () => {
    const workerCommand = 'php -r "pcntl_signal(SIGTERM, SIG_IGN); while (true) sleep(1);"'
    const stubborn = laravel.configured({ workerCommand, queue: { timeoutSeconds: 1 } })
    const input = replicaOf(image, 'worker', 'worker-4')
    ;(await server.run(stubborn.startReplica(input))).facts()
    const hash = '00000000000f'
    expect((await server.run(stubborn.stopReplica(input), hash)).facts()).toEqual({ killed: ['visits-worker-4'] })
    await server.forgetEnd(hash)
    expect((await server.run(stubborn.stopReplica(input), hash)).facts()).toEqual({ killed: ['visits-worker-4'] })
  })

  it('goes on after a reboot: repeats what may be repeated, and tells of what nobody knows', async () => {
    const command = 'echo ran >>storage/app/$KIND; [ "$(wc -l <storage/app/$KIND)" -gt 1 ] || sleep 600; php artisan migrate:status'
    const repeatable = oneOff('again', command.replaceAll('$KIND', 'repeatable'), { repeatable: true })
    const single = oneOff('once', command.replaceAll('$KIND', 'single'))
    const steps = [[repeatable, '00000000000d'], [single, '00000000000e']] as const
    const interrupted = Promise.allSettled(steps.map(([step, hash]) => server.run(step, hash)))
    for (const file of ['repeatable', 'single']) {
      await vi.waitUntil(() => succeedsIn('visits-web-1', 'test', '-s', `storage/app/${file}`), patiently)
    }
    await server.reboot()
    for (const { status } of await interrupted) expect(status).toBe('rejected')

    const [again, unknown] = await Promise.all(steps.map(([step, hash]) => server.run(step, hash)))
    expect(again!.facts()).toEqual({ outcome: 'exited', exitCode: 0 })
    expect(again!.stdout).toContain('create_visits_table')
    expect(unknown).toMatchObject({ exitCode: outcomeUnknownExitCode, stderr: expect.stringContaining('nobody knows') })
    expect(single.parse(unknown!.result)).toEqual({ outcome: 'unknown' })
    ;(await server.run(service.startReplica(web()))).facts()
    expect(await get('visits-web-1', '/visits')).toContain('"rows":3')
    const runs = async (file: string) => (await server.exec(['docker', 'exec', 'visits-web-1', 'cat', `storage/app/${file}`])).stdout
    expect([await runs('repeatable'), await runs('single')]).toEqual(['ran\nran\n', 'ran\n'])
  })

  it('ticks once a minute from one container, and stops', async () => {
    expect((await server.run(application.startScheduler({ replica: web(), follows: null }))).facts().containerId).toBe(scheduler.containerId)
    const ticks = async (): Promise<{ minute: string; container: string }[]> => JSON.parse(await get('visits-web-1', '/visits')).ticks
    // Nobody ticks while a server boots: minutes count from the first one after that.
    const before = await ticks()
    await vi.waitUntil(async () => (await ticks()).length > before.length, { timeout: 130_000, interval: 500 })
    const seen = await ticks()
    expect(new Set(seen.map((tick) => tick.minute)).size).toBe(seen.length)
    expect(new Set(seen.map((tick) => tick.container)).size).toBe(1)
    // The next version takes over, wherever in the minute this is.
    const young = replicaOf(image, 'web', 'web-3')
    const handover = { replica: young, follows: { ownership: web().ownership } }
    for (let time = 0; time < 2; time += 1) (await server.run(application.startScheduler(handover))).facts()
    const released = (await server.run(application.releaseScheduler(web()))).facts()
    expect(released).toEqual({ ticked: expect.any(Number) })
    for (let time = 0; time < 2; time += 1) (await server.run(application.stopScheduler(web()))).facts()
    expect((await server.run(application.releaseScheduler(web()))).facts()).toEqual(released)
    await vi.waitUntil(async () => new Set((await ticks()).map((tick) => tick.container)).size === 2, { timeout: 130_000, interval: 500 })
    const minutes = (await ticks()).slice(seen.length - 1).map(({ minute }) => Date.parse(`${minute}Z`) / 60_000)
    expect(minutes).toEqual(minutes.map((_, index) => minutes[0]! + index))

    for (let time = 0; time < 2; time += 1) (await server.run(application.stopScheduler(young))).facts()
    expect(await containers('keystone.scheduler=yes')).toBe('')
  })

  it('is stopped without a trace but its volume', async () => {
    for (const input of [web(), worker(), ...['one-off', 'web-3'].map((id) => replicaOf(image, 'web', id))]) (await server.run(service.stopReplica(input))).facts()
    expect(await containers('keystone.environment=env')).toBe('')
    for (const { ownership } of [web(), worker()]) expect((await server.exec(['ls', `/home/keystone/services/${ownership.serviceId}`])).exitCode).not.toBe(0)
  })
})
