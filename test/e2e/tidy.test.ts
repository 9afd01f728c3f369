import { afterAll, beforeAll, expect, it } from 'vitest'
import type { LabServer } from '../lab/index.ts'
import { until } from '../lab/until.ts'
import { connectLabRegistry, type Joined, openScene, type Sample, type Scene } from './scene.ts'

/** The application runs on both servers, and leaves the second one. */
let scene: Scene
let second: Joined
let sample: Sample

beforeAll(async () => {
  scene = await openScene({ name: 'tidy' })
  second = await scene.join('s2')
  const serverIds = [scene.prepared.serverId, second.serverId]
  sample = await scene.sample('visits', { fleet: { serverIds, registryId: await connectLabRegistry(scene) } })
  await deployed()
}, 900_000)

afterAll(() => scene?.close())

const deployed = async () => expect(await scene.ended(await scene.organisation.deploy(sample.environmentId))).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
const linesOf = async (server: LabServer, ...argv: string[]) => (await server.exec(argv)).split('\n').filter(Boolean)
/** Sorted, for Docker lists two names of one image in any order. */
const images = async (server: LabServer) => (await linesOf(server, 'docker', 'image', 'ls', '--format', '{{.Repository}}:{{.Tag}}')).toSorted()
const ofEnvironment = (server: LabServer) => linesOf(server, 'docker', 'image', 'ls', '--quiet', '--filter', `label=keystone.environment=${sample.environmentId}`)
const folders = (server: LabServer) => linesOf(server, 'ls', '/home/keystone/operations')

/** What the schedule does every day, now: returns what the round said. */
async function tidy(): Promise<string[]> {
  const { client } = scene.keystone.temporal
  const rounds = async () => (await client.schedule.getHandle('keystone-server-tidy').describe()).info.recentActions
  const before = (await rounds()).length
  await client.schedule.getHandle('keystone-server-tidy').trigger()
  await until('another round', async () => (await rounds()).length > before)
  const { workflow } = (await rounds()).at(-1)!.action
  const { said } = (await client.workflow.getHandle(workflow.workflowId, workflow.firstExecutionRunId).result()) as { said: string[] }
  return said
}

const lowerRetention = () => scene.client.patch(`/organisations/${scene.organisation.id}/environments/${sample.environmentId}`, { releaseRetention: 1 })

/** What people have on a server of theirs, and what other Keystones have there. */
async function plant({ server }: Pick<Joined, 'server'>): Promise<void> {
  const [own = ''] = await ofEnvironment(server)
  const run = (name: string, ...labels: string[]) => ['docker', 'run', '--name', name, ...labels.map((label) => `--label=${label}`), 'mine/base:1', 'true']
  const foreign = '00000000-0000-4000-8000-000000000000'
  await server.exec(['docker', 'pull', '--quiet', 'caddy:2'])
  await server.exec(['docker', 'tag', 'caddy:2', 'mine/base:1'])
  await server.exec(['docker', 'tag', own, 'mine/backup:1'])
  for (const argv of [
    run('mine'),
    run('of-another-keystone', `keystone.organisation=${foreign}`, 'keystone.oneoff=0123456789ab'),
    run('just-ended', `keystone.organisation=${scene.organisation.id}`, 'keystone.oneoff=0123456789ab'),
    ['docker', 'volume', 'create', 'mine'],
    ['mkdir', '-p', '/home/keystone/operations/0123456789ab', '/home/keystone/operations/ba9876543210'],
    ['touch', '--date', '8 days ago', '/home/keystone/operations/0123456789ab'],
    ['mkdir', '-p', '/run/keystone/0123456789ab', '/run/keystone/ba9876543210'],
    ['touch', '--date', '2 days ago', '/run/keystone/0123456789ab'],
  ]) {
    await server.exec(argv)
  }
}

it('nothing goes that a deployment or a way back may need', async () => {
  const before = [await images(scene.server), await images(second.server), await folders(second.server)]
  expect(await tidy()).toEqual([])
  expect([await images(scene.server), await images(second.server), await folders(second.server)]).toEqual(before)
})

it('what an environment has left on a server goes, and old folders; what is of others stays', async () => {
  const { organisation, prepared, lab } = scene
  for (const { id } of await organisation.services(sample.environmentId)) {
    await scene.client.patch(`/organisations/${organisation.id}/services/${id}`, { placements: [{ serverId: prepared.serverId, count: 1 }] })
  }
  await lab.gitHost.pushCommit(sample.repository, 'main', { files: { VERSION: 'second\n' } })
  await deployed()
  await plant(second)
  const kept = await ofEnvironment(scene.server)
  const volumes = await linesOf(second.server, 'docker', 'volume', 'ls', '--quiet')

  const said = await tidy()
  expect(said.filter((line) => !line.startsWith('s2: Untagged: '))).toEqual(
    ['/home/keystone/operations', '/run/keystone'].map((folder) => `s2: Removed ${folder}/0123456789ab`),
  )
  expect(await ofEnvironment(scene.server)).toEqual(kept)
  expect((await images(second.server)).filter((name) => /^(mine|caddy)/.test(name))).toEqual(['caddy:2', 'mine/backup:1', 'mine/base:1'])
  expect(new Set(await ofEnvironment(second.server)).size).toBe(1)
  expect(await linesOf(second.server, 'docker', 'ps', '--all', '--format', '{{.Names}}')).toEqual(expect.arrayContaining(['mine', 'of-another-keystone', 'just-ended']))
  expect(await linesOf(second.server, 'docker', 'volume', 'ls', '--quiet')).toEqual(volumes)
  expect(await folders(second.server)).toContain('ba9876543210')
  expect(await linesOf(second.server, 'ls', '/run/keystone')).toEqual(['ba9876543210'])
  expect(await tidy()).toEqual([])
})

it('what an environment keeps no more goes without another deployment, and what is live stays', async () => {
  const live = await linesOf(scene.server, 'sh', '-c', 'docker ps --quiet | xargs docker inspect --format {{.Image}}')
  const before = new Set(await ofEnvironment(scene.server))
  expect(before.size).toBe(2)
  const older = [...before].find((id) => !live.some((image) => image.startsWith(`sha256:${id}`)))
  await scene.server.exec(['docker', 'tag', older!, 'mine/older:1'])
  await lowerRetention()
  const said = await tidy()
  expect(said.filter((line) => !line.startsWith('s1: Untagged: '))).toEqual([])
  expect(said).not.toEqual([])
  expect(await tidy()).toEqual([])
  expect(await sample.ask('/')).toMatchObject({ status: 200 })
  const references = await linesOf(scene.server, 'docker', 'image', 'ls', '--filter', `label=keystone.environment=${sample.environmentId}`, '--format', '{{.Repository}}:{{.Tag}}')
  expect(references).toContain('mine/older:1')
  expect(new Set(await ofEnvironment(scene.server)).size).toBe(2)
})
