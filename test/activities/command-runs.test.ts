import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { commandRunActivities } from '../../activities/command-runs.ts'
import { operationActivities } from '../../activities/operations.ts'
import { leftoversOf } from '../../db/convergence.ts'
import { operationById } from '../../db/operations/begin.ts'
import { startStep } from '../../db/operations/steps.ts'
import { publishRelease } from '../../db/releases.ts'
import { operations } from '../../db/schema/index.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createTestDatabase } from '../database.ts'
import { environment, keyring, operation, organisation, replica, rolledOut, server, service } from '../db/rows.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db, sql } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
afterAll(() => Promise.all([database.close(), ssh.close()]))

const deps = activityDeps({ db, keyring, ssh })
const { planCommand, recordCommand } = commandRunActivities(deps)
const { finishLost } = operationActivities(deps)
const organisationId = await organisation(db)

/** A web service and a worker with a replica each, live unless said otherwise. */
async function scene({ isDeployed = true }: { isDeployed?: boolean } = {}) {
  const environmentId = await environment(db, organisationId)
  const serverId = await server(db, organisationId)
  const laravel = { environmentId, category: 'application', driverName: 'laravel', deployPolicy: 'with_environment' } as const
  const { operationId } = await rolledOut(db, environmentId)
  const running = async (name: 'web' | 'worker') => {
    const id = await service(db, organisationId, { ...laravel, name, processRoles: [name], config: {} })
    return { id, replicaId: await replica(db, { serviceId: id, serverId, imageDigest: 'sha256:live', operationId }) }
  }
  const [web, worker] = [await running('web'), await running('worker')]
  const released = (name: string) => ({ name, imageDigest: 'sha256:live', configHash: '-', config: {} })
  if (isDeployed) await db.transaction((tx) => publishRelease(tx, operationId, { [web.id]: released('web'), [worker.id]: released('worker') }))
  const asked = async (input: Record<string, unknown> = { command: 'php artisan about' }) => {
    const { id } = await operation(db, { organisationId, kind: 'command_run', targetId: environmentId })
    await db.update(operations).set({ input }).where(eq(operations.id, id))
    return id
  }
  return { serverId, web, worker, asked }
}

describe('the plan of a command by hand', () => {
  test('has the image of the live release, beside a replica of the web service that runs it', async () => {
    const { web, asked } = await scene()
    expect(await planCommand({ operationId: await asked() })).toEqual({
      ...{ replicaId: web.replicaId, serverName: expect.any(String), command: 'php artisan about' },
      image: { reference: 'sha256:live', isLocal: true },
    })
  })

  test('is of the service that was named, and has its words quoted', async () => {
    const { worker, asked } = await scene()
    const operationId = await asked({ command: ['php', 'artisan', 'say', "it's $HOME"], serviceId: worker.id })
    expect(await planCommand({ operationId })).toMatchObject({
      ...{ replicaId: worker.replicaId, command: String.raw`'php' 'artisan' 'say' 'it'\''s $HOME'` },
    })
  })

  test('is refused where nothing is live, and where nothing of the service runs or is left', async () => {
    const waiting = await scene({ isDeployed: false })
    await expect(planCommand({ operationId: await waiting.asked() })).rejects.toMatchObject({ type: 'not_deployed', nonRetryable: true })
    const { web, worker, asked } = await scene()
    await sql`update service_replicas set status = 'removed' where id = ${web.replicaId}`
    await expect(planCommand({ operationId: await asked() })).rejects.toMatchObject({ type: 'service_not_running', nonRetryable: true })
    await sql`update services set status = 'removed' where id = ${worker.id}`
    const gone = await asked({ command: 'true', serviceId: worker.id })
    await expect(planCommand({ operationId: gone })).rejects.toMatchObject({ type: 'service_not_running', nonRetryable: true })
  })
})

describe('a command by hand', () => {
  test('is committed once it has ended well', async () => {
    const operationId = await (await scene()).asked()
    await sql`update operations set status = 'running' where id = ${operationId}`
    for (let time = 0; time < 2; time += 1) await recordCommand({ operationId })
    expect((await operationById(db, operationId)).committedAt).not.toBeNull()
  })

  test('that is taken back may have left a container where its step has ended, and makes nothing else go', async () => {
    const { serverId, asked } = await scene()
    const operationId = await asked()
    await sql`update operations set status = 'running' where id = ${operationId}`
    const id = await startStep(db, { operationId, order: 10, name: 'command', serverId, user: 'keystone', script: '' })
    await sql`update operation_steps set status = 'cancelled', finished_at = now() where id = ${id}`
    expect(await leftoversOf(db, operationId)).toMatchObject({ servers: [{ serverId }], gateways: [], replicas: [], artifacts: [] })
  })

  test('that was lost has an outcome that nobody knows', async () => {
    const operationId = await (await scene()).asked()
    await sql`update operations set status = 'recovering' where id = ${operationId}`
    await finishLost({ operationId, isCommitted: false })
    expect(await operationById(db, operationId)).toMatchObject({ status: 'failed', failure: { code: 'outcome_unknown', hint: expect.stringContaining('Look at its log') } })
  })
})
