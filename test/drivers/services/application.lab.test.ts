import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { resolveImage } from '../../../drivers/services/image.ts'
import { laravel } from '../../../drivers/services/laravel/driver.ts'
import { serviceDriver } from '../../../drivers/services/registry.ts'
import { knownHosts } from '../../../drivers/sources/known-hosts.ts'
import { parseRepositoryUrl } from '../../../drivers/sources/repository-url.ts'
import type { ProcessRole } from '../../../domain/services.ts'
import { openTestServer, type OpenServer, type Repository } from './lab.ts'
import { replica } from './replicas.ts'
import { until } from './server.ts'

let server: OpenServer
let repository: Repository
let env: Record<string, string | Secret>
let image: string
const baseDigests: Record<string, string> = {}

const service = laravel.configured({ startTimeoutSeconds: 20, schedulerGraceSeconds: 30 })
const application = service.application!
const build = laravel.build!.configured({})

beforeAll(async () => {
  server = await openTestServer()
  repository = await server.repository()
  for (const { name, reference } of build.baseImages) baseDigests[name] = (await server.run(resolveImage(reference))).facts().digest
  env = {
    APP_NAME: 'Visits',
    APP_KEY: new Secret(`base64:${Buffer.alloc(32, 7).toString('base64')}`),
    LOG_CHANNEL: 'stderr',
    CACHE_STORE: 'redis',
    QUEUE_CONNECTION: 'redis',
    SESSION_DRIVER: 'redis',
    ...(await attached('postgres', 5432)),
    ...(await attached('valkey', 6379)),
  }
  image = (await server.run(await buildOf('main'))).facts().imageId
}, 600_000)
afterAll(() => server.close())

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

async function buildOf(branch: string) {
  const address = parseRepositoryUrl(repository.url)
  return build.run({
    organisationId: 'org',
    applicationId: 'visits',
    environmentId: 'env',
    commitSha: await repository.head(branch),
    projectRoot: '.',
    baseDigests,
    platform: 'linux/amd64',
    repositoryUrl: repository.url,
    deployKey: repository.deployKey,
    knownHosts: knownHosts(address, [repository.hostKey]),
  })
}

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

const get = async (container: string, path: string) =>
  (await server.exec(['docker', 'exec', container, 'curl', '-fsS', `http://127.0.0.1:8080${path}`])).stdout
const containers = async (label: string) => (await server.exec(['docker', 'ps', '-aq', '--filter', `label=${label}`])).stdout

describe('an application', { timeout: 300_000 }, () => {
  afterAll(async () => void (await server.run(service.stopReplica(replicaOf(image, 'web', 'one-off')))).facts(), 60_000)

  it('is built from its commit with Keystone\'s Dockerfile, once', async () => {
    const step = await buildOf('main')
    const { stdout: docker } = await server.exec(['docker', 'image', 'inspect', '--format', '{{json .Config.Labels}}', image])
    expect(JSON.parse(docker)).toMatchObject({ 'keystone.commit': await repository.head('main'), 'keystone.artifact': step.inputs.ARTIFACT_KEY })
    expect((await server.run(step)).facts()).toMatchObject({ imageId: image, imageTag: step.inputs.IMAGE_TAG, platform: 'linux/amd64', reused: true })
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

  it('is not fetched from a host with another key', async () => {
    const step = await buildOf('slow-start')
    const strange = { ...step, inputs: { ...step.inputs, KNOWN_HOSTS: knownHosts(parseRepositoryUrl(repository.url), ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl']) } }
    const refused = await server.run(strange)
    expect(refused.exitCode).not.toBe(0)
    expect(refused.stderr).toContain('Host key verification failed')
  })

  it('migrates in a one-off container, which is gone afterwards', async () => {
    const step = application.oneOff({ replica: replicaOf(image, 'web', 'one-off'), name: 'migrate', command: application.migration.command, repeatable: true })
    const hash = '00000000000a'
    const migrated = await server.run(step, hash)
    expect(migrated.facts()).toEqual({ outcome: 'exited', exitCode: 0 })
    expect(migrated.stdout).toContain('create_visits_table')

    await server.forgetEnd(hash)
    const again = await server.run(step, hash)
    expect(again.facts()).toEqual({ outcome: 'exited', exitCode: 0 })
    expect(again.stdout).toBe('')
    expect(await containers('keystone.oneoff')).toBe('')
  })

  it('reports the exit code of a failing command', async () => {
    const step = application.oneOff({ replica: replicaOf(image, 'web', 'one-off'), name: 'fail', command: 'echo "it is $((40 + 2))" >&2; exit 7', repeatable: false })
    const failed = await server.run(step)
    expect(failed.exitCode).toBe(7)
    expect(step.parse(failed.result)).toEqual({ outcome: 'exited', exitCode: 7 })
    expect(failed.stderr).toContain('it is 42')
  })

  it.each([
    { repeatable: true, exitCode: 0, runs: 2 },
    { repeatable: false, exitCode: 75, runs: 1 },
  ])('tells what a killed command means: repeatable $repeatable', async ({ repeatable, exitCode, runs }) => {
    const hash = repeatable ? '00000000000b' : '00000000000c'
    const command = 'echo ran >>storage/app/runs-$0; n=$(wc -l <storage/app/runs-$0); [ "$n" -gt 1 ] || sleep 600'.replaceAll('$0', hash)
    const step = application.oneOff({ replica: replicaOf(image, 'web', 'one-off'), name: 'wait', command, repeatable })
    const first = expect(server.run(step, hash)).rejects.toThrow(expect.objectContaining({ code: 'step_vanished' }))
    await until(async () => ((await server.exec(['docker', 'exec', `keystone-${hash}-wait`, 'cat', `storage/app/runs-${hash}`])).stdout === '' ? null : true))
    // As a reboot does: the script and the container end together.
    await server.kill(hash)
    await server.exec(['docker', 'kill', `keystone-${hash}-wait`])
    await first
    const second = await server.run(step, hash)
    expect(second.exitCode).toBe(exitCode)
    const volume = ['docker', 'run', '--rm', '-v', 'keystone_environment_env_storage_app:/v', '--entrypoint', 'cat', image, `/v/runs-${hash}`]
    expect((await server.exec(volume)).stdout.split('\n').filter((line) => line === 'ran')).toHaveLength(runs)
  })

  it('goes on waiting for a one-off that still runs', async () => {
    const hash = '00000000000d'
    const step = application.oneOff({ replica: replicaOf(image, 'web', 'one-off'), name: 'slow', command: 'while [ ! -e /tmp/go ]; do sleep 0.1; done; echo done; exit 3', repeatable: false })
    const first = expect(server.run(step, hash)).rejects.toThrow(expect.objectContaining({ code: 'step_vanished' }))
    const inContainer = async (...argv: string[]) => ((await server.exec(['docker', 'exec', `keystone-${hash}-slow`, ...argv])).exitCode === 0 ? true : null)
    await until(() => inContainer('true'))
    await server.kill(hash)
    await first
    const second = server.run(step, hash)
    await inContainer('touch', '/tmp/go')
    expect(await second).toMatchObject({ exitCode: 3, stdout: expect.stringContaining('done') })
  })

  it('can have its one-off containers stopped', async () => {
    const hash = '00000000000e'
    const step = application.oneOff({ replica: replicaOf(image, 'web', 'one-off'), name: 'endless', command: 'sleep 600', repeatable: false })
    const running = server.run(step, hash)
    await until(async () => ((await containers(`keystone.oneoff=${hash}`)) === '' ? null : true))
    for (let time = 0; time < 2; time += 1) (await server.run(application.stopOneOffs({ operationHash: hash }))).facts()
    expect((await running).exitCode).not.toBe(0)
    expect(await containers(`keystone.oneoff=${hash}`)).toBe('')
  })

  it('that never gets healthy says what its health check saw', async () => {
    const built = (await server.run(await buildOf('unhealthy'))).facts()
    const unhealthy = replicaOf(built.imageId, 'web', 'web-2')
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
    const step = application.oneOff({ replica: replicaOf(built.imageId, 'web', 'web-3'), name: 'migrate', command: application.migration.command, repeatable: true })
    const failed = await server.run(step)
    expect(failed.exitCode).toBe(1)
    expect(failed.stdout).toContain('this migration fails')
    ;(await server.run(service.stopReplica(replicaOf(built.imageId, 'web', 'web-3')))).facts()
    expect((await server.exec(['ls', '/home/keystone/services/web/web-3'])).exitCode).not.toBe(0)
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

describe('a running application', { timeout: 300_000 }, () => {
  const web = () => replicaOf(image, 'web', 'web-1')
  const worker = () => replicaOf(image, 'worker', 'worker-1')

  beforeAll(async () => {
    const migrate = application.oneOff({ replica: web(), name: 'migrate', command: application.migration.command, repeatable: true })
    ;(await server.run(migrate)).facts()
    for (const input of [web(), worker()]) (await server.run(service.startReplica(input))).facts()
  }, 120_000)

  it('serves, and a second start leaves the container alone', async () => {
    const facts = (await server.run(service.startReplica(web()))).facts()
    expect(Object.keys(facts.addresses).toSorted()).toEqual(['keystone_gateway', 'keystone_service_postgres', 'keystone_service_valkey'])
    expect((await server.run(service.startReplica(web()))).facts()).toEqual(facts)
    expect(await get('visits-web-1', '/')).toContain(`version 2\ncommit ${await repository.head('main')}`)
  })

  it('is asked by the gateway, and then reached through it, websockets too', async () => {
    const caddy = serviceDriver('caddy').configured({})
    const gateway = caddy.gateway!
    const socket = laravel.configured({ websocket: { command: 'php artisan socket:serve' } })
    const socketInput = replicaOf(image, 'websocket', 'socket-1')
    const ownership = { organisationId: 'org', environmentId: null, serviceId: 'gateway', replicaId: 'gateway-1', operationId: 'op' }
    const { digest } = (await server.run(resolveImage('caddy:2'))).facts()
    const gatewayInput = replica({ ownership, containerName: 'gateway', image: digest })
    ;(await server.run(caddy.startReplica(gatewayInput))).facts()
    ;(await server.run(socket.startReplica(socketInput))).facts()
    const input = web()
    ;(await server.run(service.startReplica(input))).facts()

    const question = { containerName: 'gateway', upstream: { replicaId: input.ownership.replicaId, port: 8080 }, path: '/up', domain: 'visits.lab' }
    expect((await server.run(gateway.probe(question))).facts()).toEqual({ ok: true, status: 200 })

    const { text, hash } = gateway.renderSection({
      sliceId: 'slice',
      domain: 'visits.lab',
      config: { tls: 'off' },
      web: [{ host: 'replica-web-1', port: 8080 }],
      websocket: [{ host: 'replica-socket-1', port: 8080 }],
      healthPath: '/up',
      drainWindowSeconds: 30,
    })
    const apply = gateway.apply({ containerName: 'gateway', revision: 1, text: gateway.renderConfiguration([text]), certificates: [] })
    expect((await server.run(apply)).facts().liveSections).toEqual([hash])
    const ask = async (path: string, ...options: string[]) =>
      (await server.exec(['curl', '-si', '--max-time', '3', '-H', 'Host: visits.lab', ...options, `http://127.0.0.1${path}`])).stdout
    expect(await ask('/')).toContain('visits version 2')
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
    expect(await ask('/app/key', ...upgrade.flatMap((header) => ['-H', header]))).toMatch(/^HTTP\/1.1 101 [^]*version 2/)

    for (const [stopped, input] of [[caddy, gatewayInput], [socket, socketInput]] as const) (await server.run(stopped.stopReplica(input))).facts()
  })

  it('processes its jobs in a worker', async () => {
    await get('visits-web-1', '/visit')
    const visits = await until(async () => {
      const seen = JSON.parse(await get('visits-web-1', '/visits'))
      return seen.processed === 1 ? seen : null
    })
    expect(visits).toMatchObject({ rows: 1, cached: 1 })
  })

  it('ticks once a minute from one container, and stops', async () => {
    const scheduler = (await server.run(application.startScheduler(web()))).facts()
    expect((await server.run(application.startScheduler(web()))).facts()).toEqual(scheduler)
    const ticks = await until(async () => {
      const seen = JSON.parse(await get('visits-web-1', '/visits')).ticks
      return seen.length === 2 ? seen : null
    })
    expect(new Set(ticks.map((tick: { minute: string }) => tick.minute)).size).toBe(2)
    expect(new Set(ticks.map((tick: { container: string }) => tick.container)).size).toBe(1)
    for (let time = 0; time < 2; time += 1) (await server.run(application.stopScheduler(web()))).facts()
    expect(await containers('keystone.scheduler=yes')).toBe('')
  })

  it('is stopped without a trace but its volume', async () => {
    for (const input of [web(), worker()]) (await server.run(service.stopReplica(input))).facts()
    expect(await containers('keystone.environment=env')).toBe('')
    for (const { ownership } of [web(), worker()]) expect((await server.exec(['ls', `/home/keystone/services/${ownership.serviceId}`])).exitCode).not.toBe(0)
  })
})
