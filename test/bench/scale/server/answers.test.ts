import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { revealed, Secret } from '../../../../domain/secret.ts'
import { createRegistryDriver } from '../../../../drivers/registries/driver.ts'
import { dockerConfig } from '../../../../drivers/registries/images.ts'
import { serviceDriver } from '../../../../drivers/services/registry.ts'
import { findImage, pullImage, removeImage, resolveImage } from '../../../../drivers/services/image.ts'
import { prune } from '../../../../drivers/services/prune.ts'
import type { ReplicaInput, ServiceStep } from '../../../../drivers/services/contract-step.ts'
import type { DriverName, ProcessRole } from '../../../../domain/services.ts'
import { stepArgs } from '../../../../drivers/ssh/step-parts.ts'
import { replica } from '../../../drivers/services/replicas.ts'
import { openSimulatedRegistry, type SimulatedRegistry } from '../registry.ts'
import { answerTo } from './answers.ts'
import { type Machine, newMachine } from './machine.ts'

let registry: SimulatedRegistry
let login: Secret
let access: { url: string; credentials: { username: string; password: Secret } }

beforeAll(async () => {
  registry = await openSimulatedRegistry()
  access = { url: registry.url, credentials: { username: registry.username, password: new Secret(registry.password) } }
  login = dockerConfig(access)
})

afterAll(() => registry.close())

const emptyServer = (name = 's001') => newMachine(name, '10.77.0.3', Buffer.alloc(0))

/** What Keystone's driver reads out of the answer to its own step. */
async function done<Facts>(machine: Machine, step: ServiceStep<Facts>): Promise<Facts> {
  const { name, script, inputs, files, secrets } = step
  const parts = {
    ...{ script, inputs },
    files: new Map(files.map(({ path, content }) => [path, revealed(content)])),
    secrets: new Map(Object.entries(secrets).map(([key, secret]) => [key, secret.reveal()])),
  }
  const [, , folder = ''] = stepArgs(machine.name, { hash: '0'.repeat(12), order: 1, name, user: 'keystone' })
  const { result = '', exitCode = 0, err = '' } = await answerTo(folder, machine, parts)
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${err}`)
  return step.parse(result)
}

const environmentId = randomUUID()

function input(role: ProcessRole, image: string, overrides: Partial<ReplicaInput> = {}): ReplicaInput {
  const ownership = { organisationId: randomUUID(), environmentId, serviceId: randomUUID(), replicaId: randomUUID(), operationId: randomUUID() }
  return replica({ ownership, role, image, containerName: `${role}-${ownership.replicaId.slice(0, 8)}`, admin: { password: new Secret('secret') }, ...overrides })
}

const laravel = serviceDriver('laravel').configured({})
const application = laravel.application!

async function startService(machine: Machine, name: DriverName): Promise<ReplicaInput> {
  const service = serviceDriver(name).configured({})
  if (service.image.from !== 'registry') throw new Error(`${name} is built`)
  const { digest } = await done(machine, resolveImage(service.image.reference))
  const wanted = input('server', digest, { containerName: name })
  const { containerId } = await done(machine, service.startReplica(wanted))
  expect(containerId).toMatch(/^[0-9a-f]{64}$/)
  return wanted
}

/** Builds and stores an image; the digest by which others pull it. */
async function build(machine: Machine): Promise<{ digest: string; imageId: string }> {
  const storedAs = `${new URL(registry.url).host}/team/shop-production`
  const step = serviceDriver('laravel').build!.configured({}).run({
    ...{ commitSha: 'a'.repeat(40), projectRoot: '.', platforms: ['linux/amd64'], storedAs, dockerConfig: login, environmentId },
    ...{ organisationId: randomUUID(), applicationId: randomUUID(), repositoryUrl: 'ssh://git@127.0.0.1/shop.git', knownHosts: '' },
    baseDigests: { php: `php@sha256:${'1'.repeat(64)}`, composer: `composer@sha256:${'2'.repeat(64)}` },
    deployKey: new Secret('-----BEGIN OPENSSH PRIVATE KEY-----'),
    ...{ secrets: {}, secretVersions: {} },
  })
  const { images: [image] } = await done(machine, step)
  return { digest: image!.digest!, imageId: image!.imageId }
}

describe('a simulated server', () => {
  it('builds an image that others pull by its digest, and removes what nobody needs', async () => {
    await createRegistryDriver().verify(access, { namespace: 'team' })
    const [builder, other] = [emptyServer(), emptyServer('s002')]
    const { digest, imageId } = await build(builder)
    await done(other, pullImage(digest, login))
    expect(other.images.get(digest)).toBe(imageId)
    expect(registry.pulls()).toBe(1)
    await expect(done(other, pullImage(digest.replace(/.$/, 'x'), login))).rejects.toThrow('no digest')
    await expect(done(other, pullImage(digest.replace(/@.*/, `@sha256:${'0'.repeat(64)}`), login))).rejects.toThrow('answers 404')
    const kept = { environmentId, storedAs: [digest.split('@')[0]!], operations: [], unneeded: [] }
    expect(new Set((await done(other, prune({ ...kept, images: [imageId] }))).imageIds)).toEqual(new Set([imageId]))
    await done(builder, findImage(imageId))
    await done(other, prune({ ...kept, images: [] }))
    await expect(done(emptyServer(), findImage(imageId))).rejects.toThrow('exit code 44')
    await done(builder, removeImage([digest]))
  })

  it('starts only what it has the image of, and gives traffic only to what runs', async () => {
    const machine = emptyServer()
    const { containerName } = await startService(machine, 'caddy')
    const { digest } = await build(machine)
    const web = input('web', digest, { gateway: containerName })
    await expect(done(machine, laravel.startReplica({ ...web, image: digest.replace(/.{64}$/, '3'.repeat(64)) }))).rejects.toThrow('not on this server')
    await done(machine, application.oneOff({ replica: web, name: 'migrate', command: 'php artisan migrate', repeatable: true }))
    const gateway = serviceDriver('caddy').configured({}).gateway!
    const upstream = { host: `replica-${web.ownership.replicaId}`, port: 8080 }
    const route = { sliceId: randomUUID(), domain: 'shop.test', config: { tls: 'off' }, certificate: null, web: [upstream], healthPath: '/up' }
    const section = gateway.renderSection({ ...route, assetPaths: [], otherVersions: [], websocket: [], websocketPaths: [], draining: [] })
    const applied = gateway.apply({ containerName, revision: 1, text: gateway.renderConfiguration(1, [section.text]), certificates: [], started: [] })
    await expect(done(machine, applied)).rejects.toThrow('does not run here')
    await done(machine, laravel.startReplica(web))
    expect(await done(machine, applied)).toEqual({ appliedRevision: 1, liveSections: [section.hash] })
    await done(machine, gateway.ask({ containerName, asked: [{ containerName: 'other', address: '10.77.0.4', port: 20_001, path: '/up' }] }))
    expect(await done(machine, gateway.drain({ containerName, upstreams: [{ ...upstream, windowSeconds: 30 }] }))).toEqual([])
    expect(await done(machine, laravel.stopReplica(web))).toEqual({ killed: [] })
    await done(machine, application.stopOneOffs({ operationHash: '0'.repeat(12) }))
    expect([...machine.containers.keys()]).toEqual([containerName])
  })

  it('has one scheduler of an environment tick', async () => {
    const machine = emptyServer()
    const { digest } = await build(machine)
    const [first, second] = [input('web', digest), input('worker', digest)]
    for (const one of [first, second]) await done(machine, laravel.startReplica(one))
    await done(machine, application.startScheduler({ replica: first, follows: null }))
    await expect(done(machine, application.startScheduler({ replica: second, follows: null }))).rejects.toThrow('ticks already')
    await done(machine, application.startScheduler({ replica: second, follows: first }))
    expect(await done(machine, application.stopScheduler(first))).toEqual({ ticked: null })
    expect(await done(machine, application.releaseScheduler(second))).toEqual({ ticked: expect.any(Number) })
  })

  it('makes slices in data services that run', async () => {
    const machine = emptyServer()
    for (const name of ['postgres', 'valkey'] as const) {
      const slices = serviceDriver(name).slices!
      const slice = slices.configured({ config: slices.configure('shop', []), credentials: slices.generateCredentials() })
      const target = { sliceId: randomUUID(), containerName: name, admin: { password: new Secret('secret') } }
      await expect(done(machine, slice.provision(target))).rejects.toThrow('does not run here')
      await startService(machine, name)
      await done(machine, slice.provision(target))
    }
  })
})
