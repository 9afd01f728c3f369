import { eq, inArray } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { deployActivities } from '../../activities/deploys.ts'
import { shiftTraffic } from '../../activities/gateway-traffic.ts'
import { restartActivities } from '../../activities/restarts.ts'
import { serviceRolloutActivities } from '../../activities/service-rollouts.ts'
import { serviceActivities } from '../../activities/services.ts'
import { leftoversOf, returnTraffic } from '../../db/convergence.ts'
import { operationById } from '../../db/operations/begin.ts'
import { giveUpReleases } from '../../db/pruning.ts'
import { releasesOf } from '../../db/release-history.ts'
import { publishRelease, releasedVariables } from '../../db/releases.ts'
import { liveReplicas, recordRemoved, replicaById, replicasOf } from '../../db/replicas.ts'
import { environments, servicePlacements, serviceReplicas, services } from '../../db/schema/index.ts'
import { changeVariables } from '../../db/variables.ts'
import type { OperationKind } from '../../domain/operations.ts'
import type { ReplicaId, ServiceId } from '../../domain/ids.ts'
import { Secret } from '../../domain/secret.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createTestDatabase } from '../database.ts'
import { environment, keyring, operation, organisation, release, replica, rolledOut, server, service } from '../db/rows.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
afterAll(() => Promise.all([database.close(), ssh.close()]))

const deps = activityDeps({ db, keyring, ssh })
const { planServiceRollout } = serviceRolloutActivities(deps)
const { planDeploy, recordRelease } = deployActivities(deps)
const { planRestart } = restartActivities(deps)
const { planService } = serviceActivities(deps)
const organisationId = await organisation(db)

/** A live release with web and worker, whose settings and variables were changed since. */
async function scene() {
  const environmentId = await environment(db, organisationId)
  const serverId = await server(db, organisationId, { status: 'active', hostKey: 'ssh-ed25519 AAAA', architecture: 'amd64' })
  const laravel = { environmentId, category: 'application', driverName: 'laravel', deployPolicy: 'with_environment', status: 'running' } as const
  const web = await service(db, organisationId, { ...laravel, name: 'web', processRoles: ['web'], config: { drainWindowSeconds: 9 }, defaultMemoryLimitMb: 512 })
  const jobs = await service(db, organisationId, { ...laravel, name: 'jobs', processRoles: ['worker'] })
  await db.insert(servicePlacements).values([{ serviceId: web, serverId, count: 2, limits: { memoryLimitMb: null, cpuLimit: 1.5 } }, { serviceId: jobs, serverId }])
  const pinned = { values: { MODE: new Secret('then') }, versions: { MODE: 1 } }
  const { operationId, artifactId } = await rolledOut(db, environmentId, { variables: pinned, commitSha: 'b'.repeat(40) })
  const image = 'sha256:released'
  await database.sql`update build_artifacts set server_id = ${serverId}, image_digest = ${image} where id = ${artifactId}`
  await database.sql`update operations set committed_at = now() where id = ${operationId}`
  const released = { name: 'web', imageDigest: image, configHash: '-', config: { drainWindowSeconds: 5 } }
  await db.transaction((tx) => publishRelease(tx, operationId, { [web]: released }))
  const running = { serverId, operationId, imageDigest: image, healthStatus: 'healthy' } as const
  const olds = [await replica(db, { ...running, serviceId: web, traffic: 'serving' }), await replica(db, { ...running, serviceId: web, traffic: 'serving' })]
  const worker = await replica(db, { ...running, serviceId: jobs, role: 'worker' })
  await changeVariables(db, keyring, { environmentId, values: { MODE: new Secret('today') } })
  const [live] = (await releasesOf(db, environmentId, { limit: 1 })).items
  const asked = (kind: OperationKind, targetId: ServiceId) => operation(db, { organisationId, kind, targetType: 'service', targetId })
  return { environmentId, serverId, web, jobs, artifactId, live: live!, olds, worker, image, asked }
}

describe('a service that is restarted', () => {
  test('is replaced whole by what the live release has of it, with the limits of its place, and the others stay', async () => {
    const { environmentId, web, jobs, live, olds, image, asked } = await scene()
    const { id: operationId } = await asked('service_restart', web)
    const plan = await planServiceRollout({ operationId })
    expect(plan).toMatchObject({ isUnchanged: false, isImageNew: false, environmentId, releaseId: live.id, commit: 'b'.repeat(40), migration: null })
    expect(plan.build.running).toMatchObject({ reference: image })
    expect(plan.services).toMatchObject([{ id: web, reason: 'restarted', retiring: olds }])
    expect(plan.kept).toEqual([{ id: jobs, name: 'jobs' }])
    const made = await replicasOf(db, operationId)
    expect(made.map(({ config, cpuLimit, memoryLimitMb }) => ({ config, cpuLimit, memoryLimitMb }))).toEqual(
      [1, 2].map(() => ({ config: { drainWindowSeconds: 5 }, cpuLimit: 1.5, memoryLimitMb: null })),
    )
    expect((await releasedVariables(db, keyring, operationId))?.MODE?.reveal()).toBe('then')
    expect(await planServiceRollout({ operationId })).toEqual(plan)
    expect((await releasesOf(db, environmentId, { limit: 9 })).items).toHaveLength(1)
  })

  test('makes no release when it is committed', async () => {
    const { environmentId, web, live, olds, asked } = await scene()
    const { id: operationId } = await asked('service_restart', web)
    await planServiceRollout({ operationId })
    await db.update(serviceReplicas).set({ status: 'running', imageDigest: 'sha256:released' }).where(eq(serviceReplicas.operationId, operationId))
    await recordRelease({ operationId })
    const [stored] = await db.select().from(environments).where(eq(environments.id, environmentId))
    expect(stored?.currentReleaseId).toBe(live.id)
    for (const id of olds) expect(await replicaById(db, id)).toMatchObject({ status: 'stopping' })
    expect((await operationById(db, operationId)).committedAt).not.toBeNull()
  })

  test('keeps the variables of its release for as long as it runs with them', async () => {
    const { environmentId, web, jobs, asked } = await scene()
    await database.sql`update environments set release_retention = 1 where id = ${environmentId}`
    const { id: operationId } = await asked('service_restart', web)
    await planServiceRollout({ operationId })
    await database.sql`update service_replicas set status = 'removed', traffic = 'none' where operation_id <> ${operationId} and service_id in (${web}, ${jobs})`
    await release(db, environmentId)
    await db.transaction((tx) => giveUpReleases(tx, environmentId))
    expect((await releasedVariables(db, keyring, operationId))?.MODE?.reveal()).toBe('then')
  })
})

describe('a service that is started', () => {
  test('gets the image of the live release, whatever it ran before it was stopped', async () => {
    const { jobs, worker, image, asked } = await scene()
    await db.update(services).set({ status: 'stopped', currentImageDigest: 'sha256:older' }).where(eq(services.id, jobs))
    await db.update(serviceReplicas).set({ status: 'removed' }).where(eq(serviceReplicas.id, worker))
    const { id: operationId } = await asked('service_start', jobs)
    const plan = await planServiceRollout({ operationId })
    expect(plan).toMatchObject({ services: [{ id: jobs, reason: 'started', retiring: [] }], build: { running: { reference: image } } })
    expect(plan.warnings.filter(({ code }) => code === 'service_stopped')).toEqual([])
  })

  test('cannot come to a server that does not have its image', async () => {
    const { jobs, asked } = await scene()
    const serverId = await server(db, organisationId, { status: 'active', hostKey: 'ssh-ed25519 AAAA', architecture: 'amd64' })
    await db.update(servicePlacements).set({ serverId }).where(eq(servicePlacements.serviceId, jobs))
    const { id: operationId } = await asked('service_start', jobs)
    await expect(planServiceRollout({ operationId })).rejects.toThrow(/in no registry/)
    expect(await replicasOf(db, operationId)).toEqual([])
  })
})

describe('what was asked for before something else was done', () => {
  test('starts nothing a second time', async () => {
    const { jobs, asked } = await scene()
    await database.sql`update service_replicas set config_hash = '-' where service_id = ${jobs}`
    const { id: operationId } = await asked('service_start', jobs)
    const plan = await planServiceRollout({ operationId })
    expect(plan.services.map(({ reason }) => reason)).not.toContain('started')
  })

  test('starts nothing that was stopped since', async () => {
    const { web, asked } = await scene()
    const data = await service(db, organisationId, { status: 'stopped' })
    await db.update(services).set({ status: 'stopped' }).where(eq(services.id, web))
    for (const id of [web, data]) {
      for (const kind of ['service_restart', 'service_deploy'] as const) {
        const { id: operationId } = await asked(kind, id)
        const plan = kind === 'service_deploy' ? planService({ operationId }) : planRestart({ operationId })
        await expect(plan, kind).rejects.toThrow(/was stopped meanwhile/)
      }
      const { id: operationId } = await asked('service_start', id)
      await db.update(services).set({ status: 'removed' }).where(eq(services.id, id))
      await expect(planService({ operationId })).rejects.toThrow(/is removed/)
    }
  })
})

describe('a service that is deployed on its own', () => {
  test('gets the image of the live release, and what is set today', async () => {
    const { environmentId, jobs, image, asked } = await scene()
    await db.update(services).set({ deployPolicy: 'manual', config: { drainWindowSeconds: 3 } }).where(eq(services.id, jobs))
    await database.sql`update service_replicas set image_digest = 'sha256:older' where service_id = ${jobs}`
    const { id: operationId } = await asked('service_deploy', jobs)
    const plan = await planServiceRollout({ operationId })
    expect(plan).toMatchObject({ releaseId: null, services: [{ id: jobs, reason: 'new image' }], build: { running: { reference: image } } })
    expect((await replicasOf(db, operationId)).map(({ config }) => config)).toEqual([{ drainWindowSeconds: 3 }])
    expect(await releasedVariables(db, keyring, operationId)).toBeNull()
    expect(environmentId).toBe(plan.environmentId)
  })
})

describe('a deploy of the environment', () => {
  const image = `registry.example.com/shop@sha256:${'1'.repeat(64)}`
  const deployOf = (environmentId: string) => operation(db, { organisationId, targetId: environmentId, input: { image, commit: null } })

  test('leaves a stopped web service alone, and migrates beside another one that gets the new image', async () => {
    const { environmentId, web, jobs, olds, worker } = await scene()
    await db.update(services).set({ status: 'stopped' }).where(eq(services.id, web))
    for (const id of olds) await recordRemoved(db, id)
    const { id: operationId } = await deployOf(environmentId)
    const plan = await planDeploy({ operationId })
    expect(plan.kept).toEqual([{ id: web, name: 'web', because: 'stopped' }])
    expect(plan.services).toMatchObject([{ id: jobs, reason: 'new image', retiring: [worker] }])
    expect(plan.migration?.replicaId).toBe(plan.services[0]?.replicas[0]?.id)
    expect(plan.warnings.map(({ code }) => code)).toContain('service_stopped')
  })

  test('leaves one that is deployed on its own as it is, and its release has the image that it runs', async () => {
    const { environmentId, web, jobs, worker } = await scene()
    await db.update(services).set({ deployPolicy: 'manual' }).where(eq(services.id, jobs))
    const { id: operationId } = await deployOf(environmentId)
    const plan = await planDeploy({ operationId })
    expect(plan).toMatchObject({ kept: [{ id: jobs, because: 'manual' }], services: [{ id: web, reason: 'new image' }] })
    await database.sql`update service_replicas set status = 'running', image_digest = ${image} where operation_id = ${operationId}`
    await recordRelease({ operationId })
    const stored = await db.select().from(services).where(inArray(services.id, [web, jobs]))
    expect(new Map(stored.map(({ id, currentImageDigest }) => [id, currentImageDigest]))).toEqual(new Map<string, string | null>([[web, image], [jobs, null]]))
    expect(await replicaById(db, worker)).toMatchObject({ status: 'running', imageDigest: 'sha256:released' })
  })

  test('of one that is removed is refused', async () => {
    const { environmentId } = await scene()
    await db.update(environments).set({ status: 'removing' }).where(eq(environments.id, environmentId))
    const { id: operationId } = await deployOf(environmentId)
    await expect(planDeploy({ operationId })).rejects.toThrow(/is removed/)
  })
})

test('nothing is started where nothing has ever been deployed', async () => {
  const environmentId = await environment(db, organisationId)
  const serverId = await server(db, organisationId)
  const web = await service(db, organisationId, { environmentId, category: 'application', driverName: 'laravel', deployPolicy: 'with_environment', processRoles: ['web'], status: 'stopped' })
  await db.insert(servicePlacements).values({ serviceId: web, serverId })
  const { id: operationId } = await operation(db, { organisationId, kind: 'service_start', targetType: 'service', targetId: web })
  await expect(planServiceRollout({ operationId })).rejects.toThrow(/has not been deployed yet/)
})

describe('traffic', () => {
  const trafficOf = async (ids: readonly ReplicaId[]) => Promise.all(ids.map(async (id) => (await replicaById(db, id)).traffic))
  const started = (operationId: string) => database.sql`update service_replicas set status = 'running' where operation_id = ${operationId}`

  /** A rollout that replaces the first of two web replicas. */
  async function replacing({ withSuccessor }: { withSuccessor: boolean }) {
    const found = await scene()
    const { environmentId, web, serverId, olds } = found
    const deploy = await operation(db, { organisationId, targetId: environmentId })
    const plan = { environmentId, services: [{ id: web, retiring: [olds[0]] }] }
    await database.sql`update operations set plan = ${JSON.stringify(plan)}::text::jsonb where id = ${deploy.id}`
    const fresh = withSuccessor ? [await replica(db, { serviceId: web, serverId, operationId: deploy.id, status: 'starting' })] : []
    return { ...found, fresh, deploy: await operationById(db, deploy.id) }
  }

  test('leaves the replicas that stay, and drains the one that goes when its successor runs', async () => {
    const { environmentId, deploy, olds, fresh } = await replacing({ withSuccessor: true })
    await db.transaction((tx) => shiftTraffic(tx, environmentId, deploy))
    expect(await trafficOf([...olds, ...fresh])).toEqual(['serving', 'serving', 'none'])
    await started(deploy.id)
    await db.transaction((tx) => shiftTraffic(tx, environmentId, deploy))
    expect(await trafficOf([...olds, ...fresh])).toEqual(['draining', 'serving', 'serving'])
    await db.transaction((tx) => returnTraffic(tx, deploy.id))
    expect(await trafficOf([...olds, ...fresh])).toEqual(['serving', 'serving', 'draining'])
  })

  test('drains at once what nothing follows, and returns to it where the operation is taken back', async () => {
    const { environmentId, deploy, olds } = await replacing({ withSuccessor: false })
    await db.transaction((tx) => shiftTraffic(tx, environmentId, deploy))
    expect(await trafficOf(olds)).toEqual(['draining', 'serving'])
    await db.transaction((tx) => returnTraffic(tx, deploy.id))
    expect(await trafficOf(olds)).toEqual(['serving', 'serving'])
  })
})

test('a standalone service that did not start is stopped again, and keeps its replica', async () => {
  const serverId = await server(db, organisationId)
  const data = await service(db, organisationId, { status: 'stopped' })
  const id = await replica(db, { serviceId: data, serverId, role: 'server', status: 'starting' })
  const start = await operation(db, { organisationId, kind: 'service_start', targetType: 'service', targetId: data })
  expect((await leftoversOf(db, start.id)).replicas).toMatchObject([{ id, isKept: true }])
  const deploy = await operation(db, { organisationId, kind: 'service_deploy', targetType: 'service', targetId: data })
  expect((await leftoversOf(db, deploy.id)).replicas).toEqual([])
  expect(await liveReplicas(db, [data])).toHaveLength(1)
})
