import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { configChangeActivities } from '../../activities/config-changes.ts'
import { pinnedVariables, snapshotOf } from '../../activities/deploy-snapshot.ts'
import { deployActivities } from '../../activities/deploys.ts'
import { dryRun, type ImaginedRollout } from '../../activities/dry-run.ts'
import { placedEnvironment } from '../../activities/placed-environment.ts'
import { replicaContext } from '../../activities/replica-input.ts'
import { presentPlan } from '../../api/schemas/plan.ts'
import { operationById } from '../../db/operations/begin.ts'
import { releasedImage, releasesOf } from '../../db/release-history.ts'
import { releasedVariables } from '../../db/releases.ts'
import { buildArtifacts, servicePlacements, serviceReplicas, services } from '../../db/schema/index.ts'
import { variablesOf } from '../../db/variables.ts'
import type { EnvironmentId } from '../../domain/ids.ts'
import { Secret } from '../../domain/secret.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createTestDatabase } from '../database.ts'
import { environment, keyring, operation, organisation, release, replica, server, service, setVariable } from '../db/rows.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
afterAll(() => Promise.all([database.close(), ssh.close()]))

const deps = activityDeps({ db, keyring, ssh })
const { planConfigChange } = configChangeActivities(deps)
const { planDeploy } = deployActivities(deps)
const organisationId = await organisation(db)
const aServer = () => server(db, organisationId, { status: 'active', hostKey: 'ssh-ed25519 AAAA', architecture: 'amd64' })

/** Web and worker run the live release just as they are set. */
async function scene() {
  const environmentId = await environment(db, organisationId)
  const serverId = await aServer()
  const laravel = { environmentId, category: 'application', driverName: 'laravel', deployPolicy: 'with_environment' } as const
  const web = await service(db, organisationId, { ...laravel, name: 'web', processRoles: ['web'] })
  const jobs = await service(db, organisationId, { ...laravel, name: 'jobs', processRoles: ['worker'] })
  await db.insert(servicePlacements).values([web, jobs].map((serviceId) => ({ serviceId, serverId })))
  await setVariable(db, keyring, { environmentId, key: 'QUEUE_CONNECTION', value: new Secret('redis') })
  const live = await release(db, environmentId, { commitSha: 'b'.repeat(40) })
  await db.update(buildArtifacts).set({ serverId }).where(eq(buildArtifacts.id, live.artifactId))
  const image = await imageOf(live.artifactId)
  const [webReplica] = [
    await replica(db, { serviceId: web, serverId, role: 'web', healthStatus: 'healthy', imageDigest: image, operationId: live.operationId, ticks: true }),
    await replica(db, { serviceId: jobs, serverId, role: 'worker', healthStatus: 'healthy', imageDigest: image, operationId: live.operationId }),
  ]
  await settle(environmentId)
  const change = async () => (await operation(db, { organisationId, kind: 'config_change', targetId: environmentId })).id
  return { environmentId, serverId, web, jobs, webReplica, live, image, change }
}

const imageOf = async (id: Awaited<ReturnType<typeof release>>['artifactId']) =>
  (await db.select().from(buildArtifacts).where(eq(buildArtifacts.id, id)))[0]!.imageDigest!

/** The replicas are as they would be rendered. */
async function settle(environmentId: EnvironmentId) {
  const found = await placedEnvironment(deps, environmentId)
  const variables = pinnedVariables(await variablesOf(db, keyring, environmentId))
  const context = await replicaContext(deps, found.primary, variables.values)
  const snapshot = await snapshotOf(deps, found, { context, wantedArtifact: null })
  for (const { id, wanted } of snapshot.services) {
    await db.update(serviceReplicas).set({ configHash: wanted[0]!.configHash }).where(eq(serviceReplicas.serviceId, id))
  }
}

const reasons = ({ services: planned }: Awaited<ReturnType<typeof planConfigChange>>) => Object.fromEntries(planned.map(({ name, reason }) => [name, reason]))
const newest = async (environmentId: EnvironmentId) => (await releasesOf(db, environmentId, { limit: 1 })).items[0]!

describe('the plan of a configuration change', () => {
  test('changes nothing where everything runs as it is set, and makes no release', async () => {
    const { environmentId, live, change } = await scene()
    expect(await planConfigChange({ operationId: await change() })).toMatchObject({ isUnchanged: true, services: [], kept: [{ name: 'jobs' }, { name: 'web' }] })
    expect(await newest(environmentId)).toMatchObject({ id: live.id, kind: 'environment_deploy' })
  })

  test('touches the service alone whose settings have changed, with the image that runs', async () => {
    const { environmentId, jobs, live, image, change } = await scene()
    await db.update(services).set({ defaultMemoryLimitMb: 200 }).where(eq(services.id, jobs))
    const operationId = await change()
    const plan = await planConfigChange({ operationId })
    expect(reasons(plan)).toEqual({ jobs: 'configuration changed' })
    expect(plan).toMatchObject({
      ...{ isImageNew: false, kept: [{ name: 'web' }], gateways: [], migration: null, commit: 'b'.repeat(40) },
      build: { running: { artifactId: live.artifactId, reference: image }, unresolved: [], pulls: [] },
    })
    expect(await newest(environmentId)).toMatchObject({ operationId, number: 2, kind: 'config_change', status: 'in_progress', artifactId: live.artifactId, rolledBackToId: null, commitSha: 'b'.repeat(40) })
    expect(await planConfigChange({ operationId })).toEqual(plan)
  })

  test('replaces what has not come back from the reboot of its server', async () => {
    const { webReplica, change } = await scene()
    await db.update(serviceReplicas).set({ traffic: 'away' }).where(eq(serviceReplicas.id, webReplica))
    expect(reasons(await planConfigChange({ operationId: await change() }))).toEqual({ web: 'not healthy' })
  })

  test('touches all that see a variable, and pins it in the release', async () => {
    const { environmentId, change } = await scene()
    await setVariable(db, keyring, { environmentId, key: 'MODE', value: new Secret('today') })
    const operationId = await change()
    expect(reasons(await planConfigChange({ operationId }))).toEqual({ web: 'configuration changed', jobs: 'configuration changed' })
    expect((await releasedVariables(db, keyring, operationId))?.MODE?.reveal()).toBe('today')
  })

  test('has an image of a registry pulled where none of it runs, and nowhere else', async () => {
    const { web, live, change } = await scene()
    const another = await aServer()
    await db.insert(servicePlacements).values({ serviceId: web, serverId: another })
    await database.sql`update build_artifacts set digest_kind = 'repo_digest', image_digest = 'r.lab/shop@sha256:1' where id = ${live.artifactId}`
    await database.sql`update service_replicas set image_digest = 'r.lab/shop@sha256:1' where operation_id = ${live.operationId}`
    const plan = await planConfigChange({ operationId: await change() })
    expect(reasons(plan)).toEqual({ web: 'placement changed' })
    expect(plan.build.pulls?.map(({ serverId }) => serverId)).toEqual([another])
  })

  test('looks for the image where no container runs it', async () => {
    const { live, image, change } = await scene()
    await db.update(serviceReplicas).set({ healthStatus: 'unhealthy' }).where(eq(serviceReplicas.operationId, live.operationId))
    const operationId = await change()
    expect((await planConfigChange({ operationId })).build.running).toBeNull()
    expect(await releasedImage(db, operationId)).toMatchObject({ number: 1, artifactId: live.artifactId, imageDigest: image })
  })

  test('for new credentials is as the live release is set, whatever is set since, and leaves alone what is deployed on its own', async () => {
    const { environmentId, web, jobs, live } = await scene()
    await setVariable(db, keyring, { environmentId, key: 'MODE', value: new Secret('not rolled out') })
    await database.sql`update services set deploy_policy = 'manual' where id = ${jobs}`
    await database.sql`update service_replicas set config_hash = 'of the credentials before' where operation_id = ${live.operationId}`
    const { id: operationId } = await operation(db, { organisationId, kind: 'config_change', targetId: environmentId, input: { isPinned: true } })
    const plan = await planConfigChange({ operationId })
    expect(plan.services.map(({ id }) => id)).toEqual([web])
    expect(plan.variables).toEqual({ set: [], removed: [] })
    expect(Object.keys((await releasedVariables(db, keyring, operationId)) ?? {})).not.toContain('MODE')
  })

  test('is not made before the first deploy, nor for a server that the image cannot come to', async () => {
    const { environmentId, web, change } = await scene()
    await db.insert(servicePlacements).values({ serviceId: web, serverId: await aServer() })
    await expect(planConfigChange({ operationId: await change() })).rejects.toMatchObject({ type: 'image_elsewhere', nonRetryable: true })
    await database.sql`update environments set current_release_id = null where id = ${environmentId}`
    await expect(planConfigChange({ operationId: await change() })).rejects.toMatchObject({ type: 'not_deployed', nonRetryable: true })
    expect((await releasesOf(db, environmentId, { limit: 9 })).items).toHaveLength(1)
  })
})

describe('a dry run', () => {
  const shown = async (rollout: ImaginedRollout) => {
    const imagined = await dryRun(deps, rollout)
    if ('refusal' in imagined) throw new Error(imagined.refusal.message)
    const { plan, ...given } = imagined
    return presentPlan(plan, { kind: rollout.kind, ...given })
  }
  const executed = async (rollout: ImaginedRollout) => {
    const { id: operationId } = await operation(db, { organisationId, kind: rollout.kind, targetId: rollout.environmentId, input: rollout.input })
    await { environment_deploy: planDeploy, config_change: planConfigChange }[rollout.kind]({ operationId })
    return presentPlan((await operationById(db, operationId)).plan!, rollout)
  }

  test.each<Pick<ImaginedRollout, 'kind' | 'input'>>([
    { kind: 'config_change', input: {} },
    { kind: 'environment_deploy', input: { commit: 'c'.repeat(40) } },
    { kind: 'environment_deploy', input: { image: 'r.lab/shop@sha256:2', commit: null } },
  ])('of $kind with $input shows what is executed, and stores nothing', async (wish) => {
    const { environmentId, jobs } = await scene()
    await db.update(services).set({ defaultMemoryLimitMb: 200 }).where(eq(services.id, jobs))
    const rollout = { ...wish, environmentId }
    const before = await database.sql`select (select count(*) from operations) as operations, (select count(*) from service_replicas) as replicas`
    const plan = await shown(rollout)
    expect(await database.sql`select (select count(*) from operations) as operations, (select count(*) from service_replicas) as replicas`).toEqual(before)
    expect(plan.services.length).toBeGreaterThan(0)
    expect(await executed(rollout)).toEqual(plan)
  })

  test('says why an operation would be refused', async () => {
    const { environmentId } = await scene()
    await database.sql`update environments set current_release_id = null where id = ${environmentId}`
    expect(await dryRun(deps, { kind: 'config_change', environmentId, input: {} })).toMatchObject({ refusal: { code: 'not_deployed' } })
  })
})
