import { afterAll, describe, expect, test } from 'vitest'
import { migrationActivities } from '../../activities/migrations.ts'
import { leftoversOf } from '../../db/convergence.ts'
import { operationById } from '../../db/operations/begin.ts'
import { startStep } from '../../db/operations/steps.ts'
import { publishRelease } from '../../db/releases.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createTestDatabase } from '../database.ts'
import { environment, keyring, operation, organisation, replica, rolledOut, server, service } from '../db/rows.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db, sql } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
afterAll(() => Promise.all([database.close(), ssh.close()]))

const deps = activityDeps({ db, keyring, ssh })
const { planMigration, recordMigration } = migrationActivities(deps)
const organisationId = await organisation(db)

/** A web service with the replicas of a release and one of a deploy that was not committed; `config` is that of today. */
async function scene({ config = {}, isDeployed = true }: { config?: Record<string, unknown>; isDeployed?: boolean } = {}) {
  const environmentId = await environment(db, organisationId)
  const serverId = await server(db, organisationId)
  const laravel = { environmentId, category: 'application', driverName: 'laravel', deployPolicy: 'with_environment' } as const
  const web = await service(db, organisationId, { ...laravel, name: 'web', processRoles: ['web'], config })
  const { operationId } = await rolledOut(db, environmentId)
  const uncommitted = await replica(db, { serviceId: web, serverId, imageDigest: 'sha256:broken' })
  const live = await replica(db, { serviceId: web, serverId, imageDigest: 'sha256:live', operationId })
  const released = { name: 'web', imageDigest: 'sha256:live', configHash: '-', config: {} }
  if (isDeployed) await db.transaction((tx) => publishRelease(tx, operationId, { [web]: released }))
  const migration = async () => (await operation(db, { organisationId, kind: 'migration_run', targetId: environmentId })).id
  return { serverId, live, uncommitted, migration }
}

describe('the plan of a migration by hand', () => {
  test('has the image of the live release, beside a replica that runs it, and the command of today', async () => {
    const { live, migration } = await scene({ config: { migration: { mode: 'manual', command: 'php artisan tenants:migrate' } } })
    const plan = await planMigration({ operationId: await migration() })
    expect(plan).toEqual({
      ...{ replicaId: live, serverName: expect.any(String), command: 'php artisan tenants:migrate' },
      image: { reference: 'sha256:live', isLocal: true },
    })
  })

  test.each([
    ['migrations_disabled', { config: { migration: { mode: 'disabled' } } }],
    ['not_deployed', { isDeployed: false }],
  ])('is refused as %s', async (code, wish) => {
    const { migration } = await scene(wish)
    await expect(planMigration({ operationId: await migration() })).rejects.toMatchObject({ type: code, nonRetryable: true })
  })

  test('needs a replica that runs', async () => {
    const { live, migration } = await scene()
    await sql`update service_replicas set status = 'removed' where id = ${live}`
    await expect(planMigration({ operationId: await migration() })).rejects.toMatchObject({ type: 'service_not_running' })
  })
})

describe('a migration by hand', () => {
  test('is committed once its command has ended well', async () => {
    const { migration } = await scene()
    const operationId = await migration()
    await sql`update operations set status = 'running' where id = ${operationId}`
    for (let time = 0; time < 2; time += 1) await recordMigration({ operationId })
    expect((await operationById(db, operationId)).committedAt).not.toBeNull()
  })

  test('that is taken back may have left a container where its step has ended, and makes nothing else go', async () => {
    const { serverId, migration } = await scene()
    const operationId = await migration()
    await sql`update operations set status = 'running' where id = ${operationId}`
    const id = await startStep(db, { operationId, order: 10, name: 'migrate', serverId, user: 'keystone', script: '' })
    await sql`update operation_steps set status = 'cancelled', finished_at = now() where id = ${id}`
    expect(await leftoversOf(db, operationId)).toMatchObject({ servers: [{ serverId }], gateways: [], replicas: [], artifacts: [] })
  })
})
