import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Operation, operationSchema, stepsOf } from '../../stack/demo/operation.ts'
import { until } from '../lab/until.ts'
import { recordHistories } from './histories.ts'
import { openScene, type Sample, type Scene } from './scene.ts'
import { secretsSeen } from './secrets.ts'

let scene: Scene
let sample: Sample
let postgres: string
let valkey: string

beforeAll(async () => {
  scene = await openScene({ name: 'updates', hasOwnMirror: true })
  postgres = scene.prepared.databaseId
  valkey = scene.prepared.cacheId
  sample = await scene.sample('visits')
  const { operation } = await scene.organisation.createService({ driver: 'valkey', name: 'another', serverId: scene.prepared.serverId })
  await scene.ended(operation)
}, 600_000)

afterAll(() => scene?.close())

const serviceSchema = z.object({
  ...{ name: z.string(), status: z.string(), updateStatus: z.string() },
  ...{ currentImageDigest: z.string().nullable(), availableImageDigest: z.string().nullable() },
})
const service = (id: string) => scene.client.get(`/organisations/${scene.organisation.id}/services/${id}`, serviceSchema)
const update = (id: string, wish: object = { acknowledgeDowntime: true, acknowledgeDataRisk: true }) =>
  scene.client.post(`/organisations/${scene.organisation.id}/services/${id}/updates`, wish, operationSchema)

const containerOf = async (id: string) =>
  (await scene.server.exec(['docker', 'ps', '--filter', `label=keystone.service=${id}`, '--format', '{{.Names}}'])).trim()
/** Its image, its volumes, and since when it runs. */
const containerFacts = async (id: string) => {
  const format = '{{.Config.Image}} {{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}{{.Id}} {{.State.StartedAt}}'
  const [image = '', ...rest] = (await scene.server.exec(['docker', 'inspect', '--format', format, await containerOf(id)])).trim().split(' ')
  return { image, volumes: rest.filter((word) => word.startsWith('keystone_service_')), since: rest.at(-1) }
}
/** Those of a repository that the server has, by digest. */
const images = async (repository: string) =>
  (await scene.server.exec(['docker', 'image', 'ls', '--digests', '--format', '{{.Repository}}@{{.Digest}}', repository])).trim().split('\n').toSorted()
const sql = async (text: string) =>
  (await scene.server.exec(['docker', 'exec', await containerOf(postgres), 'psql', '-XAt', '-U', 'postgres', '-d', 'visits_production', '-c', text])).trim()

/** What the schedule does each time, now. */
async function lookUp(id: string, digest: string) {
  await scene.keystone.temporal.client.schedule.getHandle('keystone-update-lookup').trigger()
  await until(`${digest} to be known`, async () => (await service(id)).availableImageDigest?.endsWith(`@${digest}`) ?? false, 30)
}

describe('the image of a database', () => {
  it('is looked up by a schedule when its tag has moved, and nothing changes by that', async () => {
    await sql('create table kept (word text)')
    await sql("insert into kept values ('written before')")
    const before = await containerFacts(postgres)
    expect(await service(postgres)).toMatchObject({ currentImageDigest: before.image, availableImageDigest: before.image, updateStatus: 'current' })
    const digest = await scene.lab.mirror.republish('postgres', ['LABEL lab.version=second'])
    await lookUp(postgres, digest)
    expect(await service(postgres)).toMatchObject({ currentImageDigest: before.image, availableImageDigest: `postgres@${digest}`, updateStatus: 'available' })
    expect(await containerFacts(postgres)).toEqual(before)
  })

  it('is not updated before somebody has accepted what that brings', async () => {
    await expect(update(postgres, {})).rejects.toMatchObject({ status: 422, code: 'acknowledgement_required' })
    await expect(update(postgres, { acknowledgeDowntime: true })).rejects.toMatchObject({ problem: { errors: [{ field: 'acknowledgeDataRisk' }] } })
  })

  it('is updated on the same volume, also when the worker is killed meanwhile, and nothing is deployed before its end', async () => {
    const before = await containerFacts(postgres)
    const operation = await update(postgres)
    const deploy = await scene.organisation.deploy(sample.environmentId)
    expect(deploy.status).toBe('queued')
    let killed: Promise<void> | undefined
    const tree = await scene.organisation.finished(operation, (seen) => {
      if (stepsOf(seen).some(({ name }) => name === 'start Postgres')) killed ??= killWorker()
      if (seen.status === 'succeeded') expect(seen.committedAt).not.toBeNull()
    })
    expect(killed).toBeDefined()
    await killed
    await scene.organisation.cancel(deploy.id)
    await recordHistories(scene.keystone, 'updated', tree)
    expect(tree).toMatchObject({ kind: 'service_update', status: 'succeeded', outcome: 'updated', warnings: [] })
    const after = await containerFacts(postgres)
    expect(after).toMatchObject({ image: (await service(postgres)).availableImageDigest, volumes: before.volumes })
    expect(after.since).not.toBe(before.since)
    expect(await service(postgres)).toMatchObject({ currentImageDigest: after.image, updateStatus: 'current', status: 'running' })
    expect(await sql('select word from kept')).toBe('written before')
    expect(await images('postgres')).toEqual([after.image])
    await expect(update(postgres)).rejects.toMatchObject({ status: 409, code: 'no_update' })
  })

  async function killWorker() {
    await scene.keystone.worker.end('SIGKILL')
    await scene.keystone.worker.start()
  }

  it('that does not get healthy is given up: the one of before runs again with its data, and the operation says so', async () => {
    await sql("insert into kept values ('written after')")
    const before = await service(postgres)
    const { volumes } = await containerFacts(postgres)
    const digest = await scene.lab.mirror.republish('postgres', ['ENTRYPOINT ["sh", "-c", "echo this version is broken >&2; exit 3"]'])
    await lookUp(postgres, digest)
    const tree = await scene.ended(await update(postgres))
    await recordHistories(scene.keystone, 'update-gone-back', tree)
    expect(tree).toMatchObject({ status: 'failed', failure: { code: 'update_failed', server: 's1', step: 'start Postgres' }, warnings: [] })
    expect(tree.failure?.message).toContain(`runs again as before, from ${before.currentImageDigest}`)
    expect(tree.failure?.tail).toContain('this version is broken')
    expect(await containerFacts(postgres)).toMatchObject({ image: before.currentImageDigest, volumes })
    expect(await service(postgres)).toMatchObject({ currentImageDigest: before.currentImageDigest, availableImageDigest: `postgres@${digest}`, updateStatus: 'available', status: 'running' })
    await until('Postgres to answer', async () => (await sql('select string_agg(word, $$, $$ order by word) from kept')) === 'written after, written before')
  })
})

describe('an update of a cache', () => {
  const keys = () => scene.server.exec(['sh', '-c', `ls -la /var/lib/docker/volumes/keystone_service_${valkey}_valkey_data/_data`])

  /** Neither does it end nor does it get healthy. */
  const hanging = `ENTRYPOINT ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"]`
  const lose = ({ temporal: { workflowId } }: Operation) => scene.keystone.temporal.client.workflow.getHandle(workflowId).terminate('the test wants it')

  it.each([
    ['that is cancelled while it starts', { status: 'cancelled', failure: null }, ({ id }: Operation) => scene.organisation.cancel(id)],
    ['whose workflow is lost', { status: 'failed', failure: { code: 'workflow_lost' } }, lose],
  ])('%s is taken back', async (_, ending, interrupt) => {
    const before = await containerFacts(valkey)
    const users = await keys()
    expect(users).toContain('users.acl')
    const digest = await scene.lab.mirror.republish('valkey', [hanging])
    await lookUp(valkey, digest)
    const operation = await update(valkey)
    await until('the new container to run', () => containerFacts(valkey).then(({ image }) => image.endsWith(digest), () => false))
    await interrupt(operation)
    expect(await scene.ended(operation)).toMatchObject(ending)
    expect(await containerFacts(valkey)).toMatchObject({ image: before.image, volumes: before.volumes })
    expect(await service(valkey)).toMatchObject({ currentImageDigest: before.image, status: 'running' })
  })

  it('takes the image that its tag has by now, and leaves the one of before to another cache that runs from it', async () => {
    const before = await containerFacts(valkey)
    const digest = await scene.lab.mirror.republish('valkey', ['LABEL lab.version=third'])
    await lookUp(valkey, digest)
    const tree = await scene.ended(await update(valkey))
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'updated', warnings: [] })
    expect(await containerFacts(valkey)).toMatchObject({ image: `valkey/valkey@${digest}` })
    expect(await images('valkey/valkey')).toContain(before.image)
    expect(await keys()).toContain('users.acl')
  })
})

it('a gateway is updated with the routes that it has', async () => {
  const { gatewayId } = scene.prepared
  const asked = () => sample.ask('/').then(({ status }) => status, String)
  const before = await asked()
  const digest = await scene.lab.mirror.republish('caddy', ['LABEL lab.version=second'])
  await lookUp(gatewayId, digest)
  await expect(update(gatewayId, {})).rejects.toMatchObject({ problem: { errors: [{ field: 'acknowledgeDowntime' }] } })
  expect(await scene.ended(await update(gatewayId, { acknowledgeDowntime: true }))).toMatchObject({ status: 'succeeded', outcome: 'updated' })
  expect(await containerFacts(gatewayId)).toMatchObject({ image: `caddy@${digest}` })
  await until('the gateway to answer as before', async () => (await asked()) === before, 30)
})

it('no secret has been left anywhere', async () => {
  expect((await secretsSeen(scene, {})).found).toEqual([])
})
