import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { rollbackActivities } from '../../activities/rollbacks.ts'
import { operationById } from '../../db/operations/begin.ts'
import { releasesOf, releasedImage } from '../../db/release-history.ts'
import { publishRelease, releasedVariables } from '../../db/releases.ts'
import { replicasOf } from '../../db/replicas.ts'
import { servicePlacements, services } from '../../db/schema/index.ts'
import { variablesOf } from '../../db/variables.ts'
import { Secret } from '../../domain/secret.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createTestDatabase } from '../database.ts'
import { environment, keyring, operation, organisation, release, rolledOut, server, service, setVariable } from '../db/rows.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
afterAll(() => Promise.all([database.close(), ssh.close()]))

const deps = activityDeps({ db, keyring, ssh })
const { planRollback } = rollbackActivities(deps)
const organisationId = await organisation(db)

/** Two releases, between which a setting and a variable were changed and a worker was added. */
async function scene() {
  const environmentId = await environment(db, organisationId)
  const serverId = await server(db, organisationId, { status: 'active', hostKey: 'ssh-ed25519 AAAA', architecture: 'amd64' })
  const laravel = { environmentId, category: 'application', driverName: 'laravel', deployPolicy: 'with_environment' } as const
  const web = await service(db, organisationId, { ...laravel, name: 'web', processRoles: ['web'], config: { drainWindowSeconds: 9 } })
  const jobs = await service(db, organisationId, { ...laravel, name: 'jobs', processRoles: ['worker'] })
  await db.insert(servicePlacements).values([web, jobs].map((serviceId) => ({ serviceId, serverId })))
  const pinned = { values: { MODE: new Secret('then') }, versions: { MODE: 1 } }
  const { operationId, artifactId } = await rolledOut(db, environmentId, { variables: pinned, commitSha: 'b'.repeat(40) })
  await database.sql`update build_artifacts set server_id = ${serverId} where id = ${artifactId}`
  const released = { name: 'web', imageDigest: 'sha256:then', configHash: '-', config: { drainWindowSeconds: 5 } }
  await db.transaction((tx) => publishRelease(tx, operationId, { [web]: released }))
  const target = (await releasesOf(db, environmentId, { limit: 1 })).items[0]!
  const live = await release(db, environmentId)
  await database.sql`update operations set plan = '{"migration": {}}' where id = ${live.operationId}`
  await setVariable(db, keyring, { environmentId, key: 'MODE', value: new Secret('today') })
  const rollback = (releaseId: string) =>
    operation(db, { organisationId, kind: 'environment_rollback', targetId: environmentId, input: { releaseId, commit: 'b'.repeat(40) } })
  return { environmentId, web, jobs, artifactId, target, live, rollback }
}

describe('the plan of a rollback', () => {
  test('takes image, configuration and variables from the release, and neither builds nor migrates', async () => {
    const { environmentId, web, jobs, artifactId, target, rollback } = await scene()
    const { id: operationId } = await rollback(target.id)
    const plan = await planRollback({ operationId })
    expect(plan).toMatchObject({ isUnchanged: false, isImageNew: true, commit: 'b'.repeat(40), migration: null, build: { unresolved: [] } })
    const replicas = await replicasOf(db, operationId)
    expect(new Map(replicas.map(({ serviceId, config }) => [serviceId, config]))).toEqual(new Map<string, object>([[web, { drainWindowSeconds: 5 }], [jobs, {}]]))
    const [made] = (await releasesOf(db, environmentId, { limit: 1 })).items
    expect(made).toMatchObject({ operationId, number: 3, status: 'preparing', rolledBackToId: target.id, artifactId, variableVersions: { MODE: 1 } })
    expect((await releasedVariables(db, keyring, operationId))?.MODE?.reveal()).toBe('then')
    expect(await releasedImage(db, operationId)).toMatchObject({ number: 1, artifactId })
  })

  test('has an image of a registry pulled on every server of today', async () => {
    const { web, artifactId, target, rollback } = await scene()
    const another = await server(db, organisationId)
    await database.sql`update servers set architecture = 'amd64' where id = ${another}`
    await db.insert(servicePlacements).values({ serviceId: web, serverId: another })
    await database.sql`update build_artifacts set digest_kind = 'repo_digest', image_digest = 'r.lab/shop@sha256:1' where id = ${artifactId}`
    const { build } = await planRollback({ operationId: (await rollback(target.id)).id })
    expect(build.pulls?.map(({ serverId }) => serverId)).toEqual(expect.arrayContaining([build.serverId, another]))
    expect(build.pulls).toHaveLength(2)
  })

  test('is refused where the image was not built for a server of today', async () => {
    const { web, artifactId, target, rollback } = await scene()
    const another = await server(db, organisationId)
    await database.sql`update servers set architecture = 'arm64' where id = ${another}`
    await db.insert(servicePlacements).values({ serviceId: web, serverId: another })
    await database.sql`update build_artifacts set digest_kind = 'repo_digest', image_digest = 'r.lab/shop@sha256:1', platform = 'linux/amd64' where id = ${artifactId}`
    const refused = planRollback({ operationId: (await rollback(target.id)).id })
    await expect(refused).rejects.toMatchObject({ details: [{ code: 'platform_missing', message: expect.stringContaining('linux/arm64') }] })
    await database.sql`update build_artifacts set platform = 'linux/amd64,linux/arm64' where id = ${artifactId}`
    expect((await planRollback({ operationId: (await rollback(target.id)).id })).build.pulls).toHaveLength(2)
  })

  test('is stored once, and leaves what is set today as it is', async () => {
    const { environmentId, web, target, rollback } = await scene()
    const { id: operationId } = await rollback(target.id)
    const plan = await planRollback({ operationId })
    expect(await planRollback({ operationId })).toEqual(plan)
    expect((await releasesOf(db, environmentId, { limit: 9 })).items).toHaveLength(3)
    expect((await variablesOf(db, keyring, environmentId)).map(({ value }) => value.reveal())).toEqual(['today'])
    expect((await db.select().from(services).where(eq(services.id, web)))[0]?.config).toEqual({ drainWindowSeconds: 9 })
  })

  test('warns of migrations that stay, and of services that are newer than the release', async () => {
    const { target, rollback } = await scene()
    const { id: operationId } = await rollback(target.id)
    await planRollback({ operationId })
    expect((await operationById(db, operationId)).warnings).toEqual(
      [['queue_is_sync', 'QUEUE_CONNECTION'], ['migrations_stay', 'release 2'], ['services_added', 'jobs']].map(([code, part]) =>
        expect.objectContaining({ code, message: expect.stringContaining(part!) }),
      ),
    )
  })

  test('warns of migrations that were run by hand, too, with the release that was live then', async () => {
    const { environmentId, target, live, rollback } = await scene()
    await database.sql`update operations set plan = null, committed_at = now() - interval '1 hour' where id = ${live.operationId}`
    const warnings = async () => {
      const { id: operationId } = await rollback(target.id)
      await planRollback({ operationId })
      return (await operationById(db, operationId)).warnings.map((warning) => (typeof warning === 'string' ? warning : warning.code))
    }
    expect(await warnings()).not.toContain('migrations_stay')
    const { id } = await operation(db, { organisationId, kind: 'migration_run', targetId: environmentId })
    await database.sql`update operations set committed_at = now() where id = ${id}`
    expect(await warnings()).toContain('migrations_stay')
  })

  test.each([
    ['the release has become the live one', 'release_is_live', async ({ live }: Awaited<ReturnType<typeof scene>>) => live.id],
    ['it has moved to another server, and its image is in no registry', 'image_elsewhere', async ({ target, web }: Awaited<ReturnType<typeof scene>>) => {
      await db.insert(servicePlacements).values({ serviceId: web, serverId: await server(db, organisationId) })
      return target.id
    }],
    ['its image was given up', 'image_gone', async ({ target, artifactId }: Awaited<ReturnType<typeof scene>>) => {
      await database.sql`update build_artifacts set status = 'discarded' where id = ${artifactId}`
      return target.id
    }],
  ])('is not made where meanwhile %s', async (_, code, choose) => {
    const found = await scene()
    const { id: operationId } = await found.rollback(await choose(found))
    await expect(planRollback({ operationId })).rejects.toMatchObject({ type: code, nonRetryable: true })
    expect(await replicasOf(db, operationId)).toEqual([])
    expect((await releasesOf(db, found.environmentId, { limit: 9 })).items).toHaveLength(2)
  })

  test('is not made for a release of another environment', async () => {
    const [here, elsewhere] = [await scene(), await scene()]
    const { id: operationId } = await here.rollback(elsewhere.target.id)
    await expect(planRollback({ operationId })).rejects.toThrow('has no release')
  })
})
