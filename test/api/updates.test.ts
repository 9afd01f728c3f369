import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { services } from '../../db/schema/index.ts'
import { recordAvailable, recordImage } from '../../db/updates.ts'
import type { ServerId, ServiceId } from '../../domain/ids.ts'
import { makeEnvironment, makeServer, makeService, type WithOperation } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverId: ServerId
let postgres: ServiceId

const image = (digit: string) => `postgres@sha256:${digit.repeat(64)}`
const yes = { acknowledgeDowntime: true, acknowledgeDataRisk: true }

beforeAll(async () => {
  api = await createTestApi()
})
beforeEach(async () => {
  serverId = await makeServer(api)
  postgres = await makeService(api, 'postgres', serverId)
})
afterAll(() => api.close())

const update = (body: object, id = postgres) => api.ask<WithOperation['operation']>('POST', `${api.root}/services/${id}/updates`, { body })
const service = async (id = postgres) => (await api.ask<Record<string, unknown>>('GET', `${api.root}/services/${id}`)).body

/** As its deploy and a lookup leave it. */
async function runs({ current = image('a'), available = image('b'), id = postgres } = {}) {
  const { db } = api.database
  await db.update(services).set({ status: 'running' }).where(eq(services.id, id))
  await recordImage(db, id, current)
  await recordAvailable(db, [id], available)
}

async function refused(body: object, id = postgres) {
  const before = await api.stored()
  const answer = await api.ask('POST', `${api.root}/services/${id}/updates`, { body })
  expect(await api.stored()).toEqual(before)
  return answer.body
}

describe('the image of a service', () => {
  it('is unknown, current, and out of date when a lookup has found another one', async () => {
    expect(await service()).toMatchObject({ currentImageDigest: null, availableImageDigest: null, updateStatus: 'unknown' })
    const { db } = api.database
    await recordImage(db, postgres, image('a'))
    expect(await service()).toMatchObject({ currentImageDigest: image('a'), availableImageDigest: image('a'), updateStatus: 'current' })
    await recordAvailable(db, [postgres], image('b'))
    expect(await service()).toMatchObject({ currentImageDigest: image('a'), availableImageDigest: image('b'), updateStatus: 'available' })
    await recordImage(db, postgres, image('b'))
    expect(await service()).toMatchObject({ currentImageDigest: image('b'), availableImageDigest: image('b'), updateStatus: 'current' })
  })

  it('comes with what its update brings', async () => {
    expect(await service()).toMatchObject({ updateBehaviour: { downtime: true, dataRisk: true, backup: false } })
    const gateway = await makeService(api, 'caddy', serverId)
    expect(await service(gateway)).toMatchObject({ updateBehaviour: { downtime: true, dataRisk: false, backup: false } })
  })
})

describe('an update', () => {
  it('is to the image that is available, and no environment that uses the service is deployed meanwhile', async () => {
    const environmentId = await makeEnvironment(api, { serverIds: [serverId] })
    await api.make(`${api.root}/environments/${environmentId}/attachments`, { serviceId: postgres, role: 'database' })
    await runs()
    const { status, body } = await update(yes)
    expect(status).toBe(202)
    expect(body).toMatchObject({ kind: 'service_update', targetType: 'service', targetId: postgres, input: { image: image('b') } })
    const locks = await api.database.sql`select key, mode from operation_locks where operation_id = ${body.id}`
    expect([...locks].map(({ key, mode }) => `${mode} ${key}`).toSorted()).toEqual(
      [`exclusive environment/${environmentId}`, `exclusive service/${postgres}`, `shared server/${serverId}`].toSorted(),
    )
    expect(await service()).toMatchObject({ currentImageDigest: image('a') })
  })

  it.each([
    [{}, ['acknowledgeDowntime', 'acknowledgeDataRisk']],
    [{ acknowledgeDowntime: true }, ['acknowledgeDataRisk']],
    [{ acknowledgeDataRisk: true }, ['acknowledgeDowntime']],
    [{ acknowledgeDowntime: false, acknowledgeDataRisk: true }, ['acknowledgeDowntime']],
  ])('with %j does not acknowledge what it brings', async (wish, fields) => {
    await runs()
    const answer = await refused(wish)
    expect(answer).toMatchObject({ status: 422, code: 'acknowledgement_required' })
    expect(answer.errors.map(({ field }) => field)).toEqual(fields)
  })

  it('of a gateway has no data to risk', async () => {
    const gateway = await makeService(api, 'caddy', serverId)
    await runs({ id: gateway, current: 'caddy@sha256:a', available: 'caddy@sha256:b' })
    expect((await update({ acknowledgeDowntime: true }, gateway)).status).toBe(202)
  })

  it.each([
    ['a major version', () => ({ versionTrack: '19' }), 'major_version_refused', 'versionTrack', 'another major version does not read its data'],
    ['a move', async () => ({ serverId: await makeServer(api) }), 'move_refused', 'serverId', 'lies on the server'],
    ['a backup', () => ({ backup: true }), 'backup_not_supported', 'backup', 'makes no backups of Postgres'],
  ])('is not %s', async (_, wish, code, field, reason) => {
    await runs()
    const answer = await refused({ ...yes, ...(await wish()) })
    expect(answer).toMatchObject({ status: 422, code, errors: [{ field }] })
    expect(answer.detail).toContain(reason)
  })

  it('may say what it has', async () => {
    await runs()
    expect((await update({ ...yes, versionTrack: '18', serverId, image: image('b') })).status).toBe(202)
  })

  it('is refused where there is nothing newer', async () => {
    expect(await refused(yes)).toMatchObject({ status: 409, code: 'service_not_running' })
    await runs({ available: image('a') })
    expect(await refused(yes)).toMatchObject({ status: 409, code: 'no_update' })
  })

  it('is refused where there is something newer than what was looked at', async () => {
    await runs({ available: image('c') })
    expect(await refused({ ...yes, image: image('b') })).toMatchObject({ status: 409, code: 'update_outdated', errors: [{ field: 'image' }] })
  })

  it('is not for what is deployed with its environment', async () => {
    const environmentId = await makeEnvironment(api, { serverIds: [serverId] })
    const { items } = (await api.ask<{ items: { id: ServiceId }[] }>('GET', `${api.root}/environments/${environmentId}/services`)).body
    expect(await refused(yes, items[0]!.id)).toMatchObject({ status: 409, code: 'not_updatable' })
    expect(await refused(yes, await makeService(api, 'buildkit', serverId))).toMatchObject({ status: 409, code: 'not_updatable' })
  })

  it('is an admin\'s, and a 404 from another organisation', async () => {
    await runs()
    const path = `services/${postgres}/updates`
    expect((await api.ask('POST', `${api.root}/${path}`, { token: await api.tokenOf('deployer'), body: yes })).status).toBe(403)
    const other = await api.anotherOrganisation()
    expect((await api.ask('POST', `${other.root}/${path}`, { token: other.token, body: yes })).body).toMatchObject({ status: 404, code: 'service_not_found' })
  })
})
