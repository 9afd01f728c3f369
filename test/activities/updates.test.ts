import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { updateActivities } from '../../activities/updates.ts'
import { insertService } from '../../db/services.ts'
import { services } from '../../db/schema/index.ts'
import { isImageNeeded, recordAvailable, recordImage } from '../../db/updates.ts'
import type { OrganisationId, ServiceId } from '../../domain/ids.ts'
import { createRegistryDriver } from '../../drivers/registries/driver.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { openImageRegistry } from '../api/image-registry.ts'
import { createTestDatabase } from '../database.ts'
import { artifact, environment, keyring, operation, organisation, replica, server, service } from '../db/rows.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
/** Stands in for Docker Hub. */
const hub = await openImageRegistry()
afterAll(async () => {
  await Promise.all([database.close(), ssh.close()])
  hub.close()
})

const registries = createRegistryDriver({ dockerHubMirror: hub.url })
const deps = activityDeps({ db, keyring, ssh, registries })
const { planUpdateLookup, lookUpImage, planUpdate, recordUpdate } = updateActivities(deps)

const image = (digit: string) => `postgres@sha256:${digit.repeat(64)}`
const stored = async (id: ServiceId) => (await db.select().from(services).where(eq(services.id, id)))[0]!

async function postgres(organisationId: OrganisationId, current = image('a')): Promise<ServiceId> {
  const id = await service(db, organisationId, { status: 'running' })
  await recordImage(db, id, current)
  return id
}

describe('a lookup', () => {
  test('asks once for each tag of an organisation, and not for what has never run or was removed', async () => {
    const organisationId = await organisation(db)
    await postgres(organisationId)
    await postgres(organisationId)
    await service(db, organisationId)
    const valkey = await service(db, organisationId, { driverName: 'valkey', currentImageDigest: 'valkey/valkey@sha256:a', status: 'removed' })
    const web = { environmentId: await environment(db, organisationId), driverName: 'laravel', currentImageDigest: 'sha256:a' } as const
    await service(db, organisationId, web)
    const own = async () => (await planUpdateLookup()).images.filter((one) => one.organisationId === organisationId)
    expect(await own()).toEqual([{ organisationId, reference: 'postgres:18' }])
    await db.update(services).set({ status: 'stopped' }).where(eq(services.id, valkey))
    expect(await own()).toContainEqual({ organisationId, reference: 'valkey/valkey:8' })
  })

  test('notes what the tag stands for, for the services of that organisation, and changes nothing of them', async () => {
    const [organisationId, other] = [await organisation(db), await organisation(db)]
    const [first, second, foreign] = [await postgres(organisationId), await postgres(organisationId), await postgres(other)]
    const digest = hub.put('library/postgres', '18', { architectures: ['amd64', 'arm64'] })
    await recordImage(db, second, `postgres@${digest}`)
    for (let time = 0; time < 2; time += 1) await lookUpImage({ organisationId, reference: 'postgres:18' })
    expect(await stored(first)).toMatchObject({ currentImageDigest: image('a'), availableImageDigest: `postgres@${digest}`, updateStatus: 'available' })
    expect(await stored(second)).toMatchObject({ availableImageDigest: `postgres@${digest}`, updateStatus: 'current' })
    expect(await stored(foreign)).toMatchObject({ availableImageDigest: image('a'), updateStatus: 'current' })
  })

  test('of a tag that is gone says so, and what was known stays', async () => {
    const organisationId = await organisation(db)
    const id = await service(db, organisationId, { driverName: 'valkey', currentImageDigest: 'valkey/valkey@sha256:a' })
    await expect(lookUpImage({ organisationId, reference: 'valkey/valkey:8' })).rejects.toMatchObject({ code: 'image_not_found' })
    expect(await stored(id)).toMatchObject({ availableImageDigest: null, updateStatus: 'unknown' })
  })
})

describe('the plan of an update', () => {
  async function updating(wished: string, { runs = true } = {}) {
    const organisationId = await organisation(db)
    const serverId = await server(db, organisationId)
    const { id } = await insertService(db, keyring, {
      ...{ organisationId, name: 'data', category: 'database', type: 'postgres', driverName: 'postgres', versionTrack: '18' },
      ...{ deployPolicy: 'dependency_only', processRoles: ['server'], serverIds: [serverId], admin: {} },
    })
    await recordImage(db, id, image('a'))
    await recordAvailable(db, [id], image('b'))
    const replicaId = runs ? await replica(db, { serviceId: id, serverId }) : null
    const requested = await operation(db, { organisationId, kind: 'service_update', targetType: 'service', targetId: id, input: { image: wished } })
    return { id, replicaId, serverId, operationId: requested.id }
  }

  test('names the image of before, and the container that is replaced', async () => {
    const { id, replicaId, serverId, operationId } = await updating(image('b'))
    const plan = await planUpdate({ operationId })
    expect(plan).toMatchObject({ isUnchanged: false, service: { id, name: 'data' }, replicaId, serverId, before: image('a'), image: image('b') })
    expect(plan.serverName).toMatch(/^server-/)
    for (let time = 0; time < 2; time += 1) await recordUpdate({ operationId, serviceId: id, image: image('b') })
    expect(await stored(id)).toMatchObject({ currentImageDigest: image('b'), updateStatus: 'current' })
    expect(await planUpdate({ operationId })).toMatchObject({ isUnchanged: true })
  })

  test('is not made for an image that nobody has looked at, nor for a service that does not run', async () => {
    await expect(planUpdate(await updating(image('c')))).rejects.toMatchObject({ type: 'update_outdated' })
    await expect(planUpdate(await updating(image('b'), { runs: false }))).rejects.toMatchObject({ type: 'service_not_running' })
  })
})

test('the image of before is needed where another container of its server, or a release, may run from it', async () => {
  const organisationId = await organisation(db)
  const [here, elsewhere] = [await server(db, organisationId), await server(db, organisationId)]
  const isNeeded = (imageDigest: string, serverId = here) => isImageNeeded(db, { serverId, image: imageDigest })
  await replica(db, { serviceId: await service(db, organisationId), serverId: here, imageDigest: image('1'), status: 'stopped' })
  await replica(db, { serviceId: await service(db, organisationId), serverId: here, imageDigest: image('2'), status: 'removed' })
  const environmentId = await environment(db, organisationId)
  const { id: builtByOperationId } = await operation(db, { organisationId, targetId: environmentId })
  await artifact(db, environmentId, builtByOperationId, { imageDigest: image('3'), digestKind: 'repo_digest', status: 'available' })
  expect([await isNeeded(image('1')), await isNeeded(image('1'), elsewhere), await isNeeded(image('2')), await isNeeded(image('3'))]).toEqual([true, false, false, true])
})
