import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { z } from 'zod'
import { type Operation, operationSchema, stepsOf, type OperationTree } from '../../stack/demo/operation.ts'
import { randomFrom } from '../chaos/random.ts'
import type { LabServer } from '../lab/index.ts'
import { compareFingerprints, findRepeated, serverFingerprint, unitRuns } from '../lab/instruments/index.ts'
import { until } from '../lab/until.ts'
import { recordHistories } from './histories.ts'
import { askThrough, connectLabRegistry, type Joined, openScene, type Sample, type Scene } from './scene.ts'
import { visitsOf } from './under-load.ts'

/** The first server has gateway and data services, the second one the application: what is removed on both is seen from outside. */
let scene: Scene
let second: Joined
let sample: Sample
let rows: number
let untouched: Awaited<ReturnType<typeof serverFingerprint>>

const path = () => `/organisations/${scene.organisation.id}`
const linesOf = async (server: LabServer, ...argv: string[]) => (await server.exec(argv)).split('\n').filter(Boolean)
const ended = async (name: string, operation: Operation): Promise<OperationTree> => {
  const tree = await scene.ended(operation)
  await recordHistories(scene.keystone, name.replaceAll(' ', '-'), tree)
  return tree
}
/** The same, though the worker is killed on the way: at any moment, which the seed decides. */
const endedThoughKilled: typeof ended = async (name, operation) => {
  await pause(random() * 1500)
  await scene.keystone.worker.end('SIGKILL')
  await scene.keystone.worker.start()
  return ended(name, operation)
}
const random = randomFrom(inject('seed'))
const removed = { status: 'succeeded', outcome: 'removed', failure: null, warnings: [] }
const volumesSchema = z.object({
  items: z.array(z.object({ id: z.string(), name: z.string(), origin: z.string(), slices: z.array(z.string()), sizeBytes: z.number().nullable(), server: z.object({ name: z.string() }) })),
})
const keptVolumes = async () => (await scene.keystone.client.get(`${path()}/kept-volumes`, volumesSchema)).items
const slicesSchema = z.object({ items: z.array(z.object({ name: z.string(), service: z.object({ name: z.string() }) })) })
const keptSlices = async () => (await scene.keystone.client.get(`${path()}/kept-slices`, slicesSchema)).items
/** Whether the second server is let in to the database of the first one. */
const reachesDatabase = async () => {
  const [published = ''] = await linesOf(scene.server, 'sh', '-c', 'docker port $(docker ps --quiet --filter name=^database-s1-) 5432/tcp')
  const [address, port] = published.split(':')
  const [answer] = await linesOf(second.server, 'sh', '-c', `timeout 3 bash -c ': </dev/tcp/${address}/${port}' 2>/dev/null && echo yes || echo no`)
  return answer === 'yes'
}
const visitsInDatabase = () =>
  linesOf(scene.server, 'sh', '-c', `docker exec $(docker ps --quiet --filter name=^database-s1-) psql --username postgres --tuples-only --no-align --dbname visits_production --command 'select count(*) from visits'`)

beforeAll(async () => {
  scene = await openScene({ name: 'removal' })
  second = await scene.join('s2')
  // It is the server's own from its first deploy on, whatever is removed.
  await second.server.exec(['docker', 'network', 'create', 'keystone_gateway'])
  untouched = await serverFingerprint(second.server)
  const fleet = { serverIds: [second.serverId], registryId: await connectLabRegistry(scene) }
  sample = await scene.sample('visits', { fleet })
  expect(await scene.ended(await scene.organisation.deploy(sample.environmentId))).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
  for (let visit = 0; visit < 3; visit += 1) await sample.ask('/visit')
  rows = (await visitsOf(sample)).rows
}, 900_000)

afterAll(() => scene?.close())

describe('what somebody needs', () => {
  it('is not removed, and the answer names who does', async () => {
    const { databaseId, gatewayId } = scene.prepared
    await expect(scene.organisation.removeService(databaseId)).rejects.toMatchObject({ status: 409, code: 'service_in_use', message: expect.stringContaining('production of visits') })
    await expect(scene.organisation.removeService(gatewayId)).rejects.toMatchObject({ status: 409, code: 'service_in_use', message: expect.stringContaining('visits.test (production of visits)') })
    expect(await sample.ask('/')).toMatchObject({ status: 200 })
  })
})

it('a route is removed alone, and its domain is nobody\'s then', async () => {
  const { route, operation } = await scene.organisation.route(sample.environmentId, { domain: 'other.test', tls: 'off', gatewayServiceId: scene.prepared.gatewayId })
  expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded' })
  const ask = () => askThrough(scene.server.address, 'other.test', '/')
  await until('the new route to answer', async () => (await ask()).status === 200)
  const removal = await scene.keystone.client.delete(`${path()}/environments/${sample.environmentId}/routes/${route.id}`, operationSchema)
  expect(await endedThoughKilled('route removed', removal)).toMatchObject(removed)
  expect(await ask()).toMatchObject({ status: 404, body: 'No such site here.' })
  expect(await sample.ask('/')).toMatchObject({ status: 200 })
})

describe('an environment', () => {
  it('is removed with all that it had, though the worker is killed on the way', async () => {
    expect(await reachesDatabase()).toBe(true)
    const operation = await scene.organisation.removeEnvironment(sample.environmentId)
    let isKilled = false
    let restarted = Promise.resolve()
    const tree = await scene.organisation.finished(operation, (seen) => {
      if (isKilled || !stepsOf(seen).some(({ name }) => name === 'stop replica')) return
      isKilled = true
      restarted = scene.keystone.worker.end('SIGKILL').then(() => scene.keystone.worker.start())
    })
    await restarted
    await recordHistories(scene.keystone, 'environment-removed', tree)
    expect([isKilled, tree]).toMatchObject([true, removed])
    const names = stepsOf(tree).map(({ name }) => name.replace(/ \d+$/, ''))
    const inOrder = ['stop scheduler', 'stop replica', 'apply gateway revision', 'drain old replicas', 'clean up', 'prune']
    expect(inOrder.map((name) => names.indexOf(name)).every((index) => index >= 0)).toBe(true)
    expect(await sample.ask('/')).toMatchObject({ status: 404, body: 'No such site here.' })
  })

  it('leaves its server as it was, but for what is pulled for others too, and nobody is let in for it any more', async () => {
    expect(compareFingerprints(untouched, await serverFingerprint(second.server))).toEqual([])
    const images = await linesOf(second.server, 'docker', 'image', 'ls', '--format', '{{.Repository}}')
    expect(images.filter((name) => name.includes('visits') || name.includes(sample.environmentId))).toEqual([])
    expect(await reachesDatabase()).toBe(false)
    expect(await linesOf(scene.server, 'sh', '-c', 'cat /home/keystone/gateway/Caddyfile')).not.toContainEqual(expect.stringContaining('visits.test'))
  })

  it('leaves its data where it was, listed by name', async () => {
    expect(await visitsInDatabase()).toEqual([`${rows}`])
    expect((await keptSlices()).map(({ service }) => service.name).toSorted()).toEqual(['cache-s1', 'database-s1'])
    const volumes = await keptVolumes()
    expect(volumes).toMatchObject([{ name: `keystone_environment_${sample.environmentId}_storage_app`, origin: 'production of visits', server: { name: 's2' } }])
    expect(volumes[0]!.sizeBytes).toBeGreaterThan(0)
    expect(await linesOf(second.server, 'docker', 'volume', 'ls', '--quiet')).toEqual(volumes.map(({ name }) => name))
  })

  it('has a volume that is deleted by its name alone', async () => {
    const [volume] = await keptVolumes()
    const remove = (confirm: string) => scene.keystone.client.delete(`${path()}/kept-volumes/${volume!.id}?confirm=${confirm}`, operationSchema)
    await expect(remove('storage')).rejects.toMatchObject({ status: 422, code: 'confirmation_required' })
    expect(await linesOf(second.server, 'docker', 'volume', 'ls', '--quiet')).toEqual([volume!.name])
    expect(await endedThoughKilled('volume removed', await remove(volume!.name))).toMatchObject(removed)
    expect([await keptVolumes(), await linesOf(second.server, 'docker', 'volume', 'ls', '--quiet')]).toEqual([[], []])
  })
})

describe('an environment on a server that never answers again', () => {
  /** All that is new to it, and what goes on. */
  const cutOff = (rule: '--insert' | '--delete') =>
    second.server.exec(['iptables', rule, 'INPUT', '--protocol', 'tcp', '--dport', '22', '--jump', 'REJECT', '--reject-with', 'tcp-reset'])
  const running = () => linesOf(second.server, 'docker', 'ps', '--format', '{{.Names}}', '--filter', 'name=^blog-')
  let blog: Sample

  it('is removed by force, from every other server too, and what may still run there is named', async () => {
    const registries = await scene.keystone.client.get(`${path()}/registries`, z.object({ items: z.array(z.object({ id: z.string() })) }))
    blog = await scene.sample('blog', { fleet: { serverIds: [second.serverId], registryId: registries.items[0]!.id } })
    expect(await scene.ended(await scene.organisation.deploy(blog.environmentId))).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
    const left = await running()
    await cutOff('--insert')
    const tree = await scene.ended(await scene.organisation.removeEnvironment(blog.environmentId, { force: true }))
    await recordHistories(scene.keystone, 'environment-removed-by-force', tree)
    expect(tree).toMatchObject({ ...removed, warnings: [{ code: 'left_behind', message: expect.stringContaining('s2 did not answer, and nothing of production of blog was removed there') }] })
    const main = left.filter((name) => !name.endsWith('-scheduler'))
    expect([main.length, main.filter((name) => !tree.warnings[0]?.message.includes(name))]).toEqual([2, []])
    expect(await blog.ask('/')).toMatchObject({ status: 404, body: 'No such site here.' })
    expect(await scene.keystone.client.get(`${path()}/environments/${blog.environmentId}`, z.unknown()).catch(String)).toContain('environment_not_found')
  })

  it('runs there until it is removed by its label, as was told', async () => {
    await cutOff('--delete')
    expect((await running()).length).toBeGreaterThan(0)
    const label = `label=keystone.environment=${blog.environmentId}`
    await second.server.exec(['sh', '-c', `docker rm --force --volumes $(docker ps --all --quiet --filter ${label}) && docker volume rm $(docker volume ls --quiet --filter ${label})`])
    expect(await running()).toEqual([])
  })
})

describe('a service', () => {
  it('that nobody needs any more is removed, and its volume is kept with what is in it', async () => {
    const { databaseId } = scene.prepared
    expect(await endedThoughKilled('database removed', await scene.organisation.removeService(databaseId))).toMatchObject(removed)
    expect(await linesOf(scene.server, 'docker', 'ps', '--all', '--quiet', '--filter', `label=keystone.service=${databaseId}`)).toEqual([])
    expect(await linesOf(scene.server, 'docker', 'network', 'ls', '--quiet', '--filter', `name=${databaseId}`)).toEqual([])
    expect(await linesOf(scene.server, 'ls', '/home/keystone/services')).not.toContain(databaseId)
    expect(await keptVolumes()).toMatchObject([{ name: `keystone_service_${databaseId}_postgres_data`, origin: 'postgres database-s1', slices: ['visits-production', 'blog-production'] }])
    expect(await linesOf(scene.server, 'docker', 'volume', 'ls', '--quiet')).toContain(`keystone_service_${databaseId}_postgres_data`)
  })

  it('that is a gateway goes with its configuration, so that another one begins anew', async () => {
    expect(await endedThoughKilled('gateway removed', await scene.organisation.removeService(scene.prepared.gatewayId))).toMatchObject(removed)
    expect(await linesOf(scene.server, 'sh', '-c', 'ls -d /home/keystone/gateway 2>/dev/null || true')).toEqual([])
    const again = await scene.organisation.createService({ driver: 'caddy', name: 'gateway-again', serverId: scene.prepared.serverId })
    expect(await scene.ended(again.operation)).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
    expect(await sample.ask('/')).toMatchObject({ status: 404, body: 'No such site here.' })
  })
})

describe('an application', () => {
  it('is deleted once it has no environment', async () => {
    const { items } = await scene.keystone.client.get(`${path()}/applications`, z.object({ items: z.array(z.object({ id: z.string() })) }))
    for (const { id } of items) await scene.keystone.client.delete(`${path()}/applications/${id}`, z.object({ id: z.string() }))
    expect(await scene.keystone.client.get(`${path()}/applications`, z.object({ items: z.array(z.unknown()) }))).toEqual({ items: [] })
    await expect(scene.keystone.client.delete(path(), z.unknown())).rejects.toMatchObject({ status: 409, code: 'organisation_in_use' })
  })
})

it('nothing was done a second time, whenever a worker was killed', async () => {
  const repeated = [...findRepeated(await unitRuns(scene.server)), ...findRepeated(await unitRuns(second.server))]
  expect(repeated.filter(({ isAfterItsEnd }) => isAfterItsEnd)).toEqual([])
})
