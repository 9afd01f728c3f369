import { randomUUID } from 'node:crypto'
import { MockActivityEnvironment } from '@temporalio/testing'
import { NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { classifyErrors } from '../../activities/classify.ts'
import { createActivities } from '../../activities/index.ts'
import type { Database } from '../../db/connect.ts'
import { createNotices } from '../../db/operations/notices.ts'
import { startDispatcher } from '../../dispatcher/dispatcher.ts'
import { idOf } from '../../db/ids.ts'
import type { EnvironmentId, OperationId, ServiceId } from '../../domain/ids.ts'
import { createProviders } from '../../drivers/providers/registry.ts'
import { createRegistryDriver } from '../../drivers/registries/driver.ts'
import { readKeyring } from '../../drivers/secrets/key-file.ts'
import { createSourceDriver } from '../../drivers/sources/driver.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { sdkLogger } from '../../drivers/temporal/log.ts'
import { createWorkflows, taskQueue } from '../../drivers/temporal/workflows.ts'
import type { ApiClient } from '../../stack/demo/client.ts'
import { operationSchema, stepsOf, type Operation, type OperationTree } from '../../stack/demo/operation.ts'
import { authorityCertificate } from '../lab/authority.ts'
import { type FakeHetzner, openFakeHetzner } from '../lab/hetzner/fake.ts'
import { labMachines } from '../lab/hetzner/lab-machines.ts'
import { findRepeated, recordDockerEvents, unitRuns } from '../lab/instruments/index.ts'
import { type EverythingTwice, everythingTwice } from './everything-twice.ts'
import type { TestKeystone } from './keystone.ts'
import { connectLabRegistry, openScene, type Sample, type Scene } from './scene.ts'

let scene: Scene
let hetzner: FakeHetzner
let sample: Sample
let twice: EverythingTwice
let stopWorker = async () => {}

/** A worker as worker.ts makes it, but for its activities. Returns a client whose changes wait until no activity is under way. */
async function startWorker({ client, database, temporal, keyFile, dockerHubMirror }: TestKeystone): Promise<ApiClient> {
  const { db, sql } = database
  const log = pino({ level: 'silent' })
  Runtime.install({ logger: sdkLogger(log) })
  const workflows = createWorkflows(temporal.client)
  const ssh = createSshPool({ idleCloseSeconds: 60, keepaliveSeconds: 5, connectTimeoutSeconds: 10 })
  const keyring = await readKeyring(keyFile)
  const registries = createRegistryDriver({ authorities: [await authorityCertificate()], dockerHubMirror })
  const providers = createProviders({ hetzner: { endpoint: hetzner.endpoint, pollMilliseconds: 100 } })
  const deps = { db, keyring, ssh, registries, sources: createSourceDriver(), providers, log, notices: createNotices(db), terminateWorkflow: workflows.terminate }
  twice = everythingTwice(createActivities(deps), sql)
  const connection = await NativeConnection.connect({ address: temporal.target.address })
  const worker = await Worker.create({
    connection,
    namespace: temporal.target.namespace,
    taskQueue,
    workflowsPath: new URL('../../workflows/index.ts', import.meta.url).pathname,
    activities: twice.activities,
    interceptors: { activity: [classifyErrors(log)] },
    maxHeartbeatThrottleInterval: '2 seconds',
  })
  const dispatcher = await startDispatcher({ db: quietly(db), sql, workflows, log })
  const running = worker.run()
  stopWorker = async () => {
    worker.shutdown()
    await running
    await dispatcher.stop()
    await ssh.close()
    await connection.close()
  }
  return {
    ...client,
    post: (...request) => twice.between(() => client.post(...request)),
    put: (...request) => twice.between(() => client.put(...request)),
    patch: (...request) => twice.between(() => client.patch(...request)),
    delete: (...request) => twice.between(() => client.delete(...request)),
  }
}

/** What the dispatcher finds lost or not taken back it hands on at a moment of its own: that is no activity's doing. */
function quietly(db: Database): Database {
  const transaction: Database['transaction'] = (work, config) => twice.between(() => db.transaction(work, config))
  return Object.assign(Object.create(db), { transaction })
}

beforeAll(async () => {
  hetzner = await openFakeHetzner({ machines: labMachines(() => scene.lab) })
  scene = await openScene({ name: 'twice', hasWorker: false, hetznerEndpoint: hetzner.endpoint, onKeystone: startWorker })
  sample = await scene.sample('visits', { web: { migration: { timing: 'post_switch' }, preSwitchCommands: ['php artisan about'] } })
  const registryId = await connectLabRegistry(scene)
  const { serviceId: builderServiceId, operation } = await scene.organisation.createService({ driver: 'buildkit', name: 'builder', serverId: scene.prepared.serverId })
  await scene.ended(operation)
  await scene.organisation.changeEnvironment(sample.environmentId, { registryId, buildStrategy: 'dedicated_builder', builderServiceId })
}, 1_800_000)

afterAll(async () => {
  await stopWorker()
  await scene.close()
  await hetzner.close()
})

const change = () => {
  const files = { VERSION: `${new Date().toISOString()}\n` }
  return scene.lab.gitHost.pushCommit(sample.repository, 'main', { files })
}
const deploy = (wish = {}) => scene.organisation.deploy(sample.environmentId, wish)
const deployed = async (wish = {}): Promise<OperationTree> => scene.ended(await deploy(wish))

/** Changed once; its operation is taken back later on. */
let configured: Operation

it('a slice that is made, changed, attached, detached and removed comes out the same', async () => {
  const root = `/organisations/${scene.organisation.id}`
  const slices = `${root}/services/${scene.prepared.databaseId}/slices`
  const { client } = scene
  const succeeded = async (operation: Operation, outcome: string) => expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded', outcome })
  const made = await client.post(slices, { name: 'second' }, z.object({ slice: z.object({ id: z.string() }), operation: operationSchema }))
  await succeeded(made.operation, 'ready')
  const attachments = `${root}/environments/${sample.environmentId}/attachments`
  const wish = { serviceId: scene.prepared.databaseId, role: 'custom', sliceId: made.slice.id, envPrefix: 'SECOND_' }
  const attached = await client.post(attachments, wish, z.object({ attachment: z.object({ id: z.string() }), operation: operationSchema }))
  await succeeded(attached.operation, 'ready')
  await succeeded(await client.delete(`${attachments}/${attached.attachment.id}`, operationSchema), 'detached')
  await succeeded(await client.delete(`${slices}/${made.slice.id}?confirm=second`, operationSchema), 'removed')

  const own = await client.get(slices, z.object({ items: z.array(z.object({ id: z.string() })) }))
  await client.patch(`${slices}/${own.items[0]!.id}`, { config: { connectionLimit: 50 } })
  const { items } = await client.get(`${root}/operations?kind=slice_configure&targetId=${own.items[0]!.id}`, z.object({ items: z.array(operationSchema) }))
  configured = items[0]!
  await succeeded(configured, 'configured')
})

it('an image that is looked up, and the update to it, come out the same', async () => {
  const { organisation, prepared, keystone: { database: { sql } } } = scene
  const { images } = await twice.activities.planUpdateLookup()
  expect(images.map(({ reference }) => reference).toSorted()).toEqual(['caddy:2', 'postgres:18', 'valkey/valkey:8'])
  await twice.between(() => sql`update services set current_image_digest = 'valkey/valkey@sha256:' || repeat('0', 64) where id = ${prepared.cacheId}`)
  for (const image of images) await twice.activities.lookUpImage(image)
  const wish = { acknowledgeDowntime: true, acknowledgeDataRisk: true }
  const operation = await scene.client.post(`/organisations/${organisation.id}/services/${prepared.cacheId}/updates`, wish, operationSchema)
  expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded', outcome: 'updated', warnings: [] })
})

it('a deploy, another, a rollback, a migration and a command by hand, a deploy that fails and one that is lost come out the same', async () => {
  const recording = await recordDockerEvents(scene.server)
  expect(await deployed()).toMatchObject({ status: 'succeeded', outcome: 'deployed', warnings: [] })
  await change()
  expect(await deployed()).toMatchObject({ status: 'succeeded', outcome: 'deployed', warnings: [] })
  const back = await scene.ended(await scene.organisation.rollBack(sample.environmentId))
  expect(back).toMatchObject({ status: 'succeeded', outcome: 'rolled_back' })
  const migrated = await scene.ended(await scene.organisation.migrate(sample.environmentId))
  expect(migrated).toMatchObject({ kind: 'migration_run', status: 'succeeded', outcome: 'migrated' })
  const told = await scene.ended(await scene.organisation.runCommand(sample.environmentId, { command: ['php', 'artisan', 'about'] }))
  expect(told).toMatchObject({ kind: 'command_run', status: 'succeeded', outcome: 'exited with 0' })
  const broken = await deployed({ branch: 'broken-migration' })
  expect(broken).toMatchObject({ status: 'failed', failure: { code: 'step_failed', step: 'migrate' } })
  await change()
  expect(await lost(await deploy())).toMatchObject({ status: 'failed', failure: { code: 'workflow_lost' } })

  const made = (await recording.stop())
    .filter(({ type, action }) => type === 'container' && action === 'create')
    .filter(({ attributes }) => attributes['keystone.operation'])
  expect(new Set(made.map(({ name }) => name)).size).toBe(made.length)
  expect(findRepeated(await unitRuns(scene.server))).toEqual([])
})

/** Terminates the operation's workflow as soon as a replica is being started. */
async function lost(operation: Operation): Promise<OperationTree> {
  let isTerminated = false
  return scene.organisation.finished(operation, (tree) => {
    if (isTerminated || !stepsOf(tree).some(({ name }) => name === 'start web')) return
    isTerminated = true
    void scene.keystone.temporal.client.workflow.getHandle(operation.temporal.workflowId).terminate('the test wants it')
  })
}

it('what no deploy of this test has come by is executed twice too', async () => {
  await scene.organisation.changeEnvironment(sample.environmentId, { releaseRetention: 1 })
  const operation = await askedMeanwhile(await deploy())
  expect(stepsOf(operation).map(({ name }) => name)).toContain('prune')
  const operationId = idOf<OperationId>(operation.id)
  await twice.activities.addWarning({ operationId, warning: 'twice' })
  // Taken back again at once: a minute after its end the dispatcher would ask for a recovery, in the middle of some other activity.
  await twice.activities.abandonConvergence({ operationId, of: operationId, reason: 'twice' })
  await twice.activities.endConvergence({ operationId, of: operationId })
  await scene.organisation.setVariable(sample.environmentId, 'MODE', 'another')
  expect(await scene.ended(await scene.organisation.changeConfig(sample.environmentId))).toMatchObject({ status: 'succeeded', outcome: 'changed' })
})

it('a push that nobody has told of, and its deployment, come out the same', async () => {
  const { organisation, keystone } = scene
  const { sql } = keystone.database
  await organisation.changeEnvironment(sample.environmentId, { branchCheckMinutes: 1, triggerPaths: ['VERSION'] })
  const { repositories: [repository] } = await twice.activities.planBranchWatch()
  await twice.activities.checkBranches(repository!)
  await change()
  await twice.activities.checkBranches(repository!)
  const [requested] = await sql`select id from operations where trigger ->> 'by' = 'schedule' order by sequence desc limit 1`
  const operation = await keystone.client.get(`/organisations/${organisation.id}/operations/${requested!.id}`, operationSchema)
  const ended = await scene.ended(operation)
  expect(ended).toMatchObject({ status: 'succeeded', outcome: 'deployed', warnings: [] })
  expect(stepsOf(ended).map(({ name }) => name)).toContain('compare head')
})

it('a look at a server, which finds all as it should be, comes out the same', async () => {
  const { servers: [server] } = await twice.activities.planWatch()
  expect(await twice.activities.observeServer({ server: server!, runId: randomUUID() })).toEqual({ isReachable: true, said: [] })
})

it('a server that is hardened and gets another key, which is not taken for its own at first, comes out the same', async () => {
  const begin = (what: string) => scene.client.post(`/organisations/${scene.organisation.id}/servers/${scene.prepared.serverId}/${what}`, undefined, operationSchema)
  expect(await scene.ended(await begin('harden'))).toMatchObject({ status: 'succeeded', outcome: 'hardened', warnings: [] })
  const cancelled = await begin('rotate-key')
  let cancelling: Promise<void> | undefined
  const tree = await scene.organisation.finished(cancelled, ({ steps }) => {
    if (steps.some(({ name }) => name === 'let key in')) cancelling ??= scene.organisation.cancel(cancelled.id)
  })
  await cancelling
  expect(tree).toMatchObject({ status: 'cancelled', steps: expect.arrayContaining([expect.objectContaining({ name: 'shut key out', status: 'succeeded' })]) })
  expect(await scene.ended(await begin('rotate-key'))).toMatchObject({ status: 'succeeded', outcome: 'rotated', warnings: [] })
})

it('a server that nothing is left on is tidied up without anything removed', async () => {
  const { servers: [server] } = await twice.activities.planWatch()
  expect(await new MockActivityEnvironment().run(twice.activities.tidyServer, { server: server! })).toEqual({ removed: [] })
})

it('a server that restarts comes out the same', async () => {
  const path = `/organisations/${scene.organisation.id}/servers/${scene.prepared.serverId}/reboot`
  const tree = await scene.ended(await scene.client.post(path, { acknowledgeDowntime: true }, operationSchema))
  expect(tree).toMatchObject({ status: 'succeeded', outcome: 'rebooted', warnings: [] })
  const work = { operationId: idOf<OperationId>(tree.id), of: idOf<OperationId>(tree.id) }
  await twice.activities.abandonReboot(work)
  await twice.activities.recordRebooted(work)
})

it('rotations of credentials and of the encryption key, and one that cannot be switched, come out the same', async () => {
  const { sql } = scene.keystone.database
  const [slice] = await sql`select id, service_id from service_slices where environment_id = ${sample.environmentId} and type = 'database'`
  const path = `/organisations/${scene.organisation.id}/services/${slice!.service_id}/slices/${slice!.id}/credential-rotations`
  const rotate = () => scene.keystone.client.post(path, undefined, operationSchema)
  const unlocked = await twice.between(async () => {
    const operation = await rotate()
    await sql`delete from operation_locks where operation_id = ${operation.id} and key like 'environment/%'`
    return operation
  })
  expect(await scene.ended(unlocked)).toMatchObject({ status: 'failed', failure: { code: 'attachments_changed' } })
  expect(await scene.ended(await twice.between(rotate))).toMatchObject({ status: 'succeeded', outcome: 'rotated', warnings: [] })
  const keys = await twice.between(() => scene.keystone.client.post(`/organisations/${scene.organisation.id}/key-rotations`, undefined, operationSchema))
  expect(await scene.ended(keys)).toMatchObject({ status: 'succeeded', outcome: 'encrypted' })
})

/**
 * Only a gateway on another server asks in a step of its own: here it is asked for nobody. And only a slice whose change is cancelled late
 * gets its settings back.
 */
async function askedMeanwhile(operation: Operation): Promise<OperationTree> {
  let asking: Promise<void> | undefined
  const place = { gatewayId: idOf<ServiceId>(scene.prepared.gatewayId), environmentId: idOf<EnvironmentId>(sample.environmentId) }
  const question = { operationId: idOf<OperationId>(operation.id), order: 99, ...place, replicas: [] }
  const askAndRestore = async () => {
    await new MockActivityEnvironment().run(twice.activities.askReplicas, question)
    const restoration = { operationId: question.operationId, of: idOf<OperationId>(configured.id) }
    await new MockActivityEnvironment().run(twice.activities.restoreSlice, restoration)
  }
  const tree = await scene.organisation.finished(operation, ({ status }) => {
    if (status === 'running') asking ??= askAndRestore()
  })
  await asking
  return tree
}

it('services that are restarted, stopped and started, and an environment that is removed by force, come out the same', async () => {
  const { organisation, prepared, keystone } = scene
  const web = (await organisation.services(sample.environmentId)).find(({ name }) => name === 'web')!
  for (const id of [web.id, prepared.databaseId]) {
    expect(await scene.ended((await organisation.restartService(id)).operation)).toMatchObject({ status: 'succeeded', outcome: 'restarted' })
  }
  expect(await scene.ended((await organisation.stopService(web.id)).operation)).toMatchObject({ status: 'succeeded', outcome: 'stopped' })
  expect(await scene.ended((await organisation.startService(web.id)).operation)).toMatchObject({ status: 'succeeded', outcome: 'started' })
  expect(await scene.ended(await organisation.removeEnvironment(sample.environmentId, { force: true }))).toMatchObject({ status: 'succeeded', outcome: 'removed', warnings: [] })
  const kept = `/organisations/${organisation.id}/kept-volumes`
  const { items } = await keystone.client.get(kept, z.object({ items: z.array(z.object({ id: z.string(), name: z.string() })) }))
  for (const { id, name } of items) {
    const operation = await twice.between(() => keystone.client.delete(`${kept}/${id}?confirm=${name}`, operationSchema))
    expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded', outcome: 'removed' })
  }
  expect(items).toHaveLength(1)
})

it('a server that is bought and removed comes out the same', async () => {
  const { client, organisation: { id } } = scene
  const made = z.object({ id: z.string() })
  const provider = await client.post(`/organisations/${id}/providers`, { name: 'hetzner', type: 'hetzner', token: hetzner.token }, made)
  const order = { name: 'bought', location: 'fsn1', type: 'cx22', image: 'debian-13' }
  const bought = await client.post(`/organisations/${id}/providers/${provider.id}/servers`, order, z.object({ server: made, operation: operationSchema }))
  expect(await scene.ended(bought.operation)).toMatchObject({ status: 'succeeded', outcome: 'active' })
  const removal = await client.delete(`/organisations/${id}/servers/${bought.server.id}?confirm=bought`, operationSchema)
  expect(await scene.ended(removal)).toMatchObject({ status: 'succeeded', outcome: 'removed' })
  expect([hetzner.project.bought.length, hetzner.project.servers, hetzner.project.keys]).toEqual([1, [], []])
})

it('no activity is left out, and none has a second effect', () => {
  expect([...twice.executed].toSorted()).toEqual(Object.keys(twice.activities).toSorted())
  expect(twice.secondEffects).toEqual([])
})
