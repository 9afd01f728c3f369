import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EnvironmentId, ServerId, ServiceId } from '../../domain/ids.ts'
import { freeName, makeEnvironment, makeServer, makeService } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverId: ServerId
let serviceId: ServiceId
let environmentId: EnvironmentId
let sliceId: string

beforeAll(async () => {
  api = await createTestApi()
  serverId = await makeServer(api)
})
beforeEach(async () => {
  environmentId = await makeEnvironment(api, { serverIds: [serverId] })
  serviceId = await makeService(api, 'postgres', serverId)
  sliceId = (await api.make<{ slice: { id: string } }>(`${api.root}/environments/${environmentId}/attachments`, { serviceId, role: 'database' })).slice.id
  await api.database.sql`update service_slices set status = 'ready' where id = ${sliceId}`
})
afterAll(() => api.close())

const path = (slice = sliceId, service: string = serviceId) => `${api.root}/services/${service}/slices/${slice}/credential-rotations`
const rotate = (options: { token?: string; headers?: Record<string, string> } = {}) => api.ask('POST', path(), options)

describe('a rotation of credentials', () => {
  it('is accepted, holds its slice and each environment that is attached, and stands in the audit without a secret', async () => {
    const { status, body } = await rotate()
    expect(status).toBe(202)
    expect(body).toMatchObject({ kind: 'credential_rotation', targetType: 'slice', targetId: sliceId, summary: expect.stringMatching(/^rotate the credentials of database shop-/) })
    const locks = await api.database.sql`select key, mode from operation_locks where operation_id = ${String(body.id)} order by mode, key`
    expect(locks.map(({ key, mode }) => `${mode} ${key}`)).toEqual([
      ...[`exclusive environment/${environmentId}`, `exclusive slice/${sliceId}`],
      ...[`shared server/${serverId}`, `shared service/${serviceId}`],
    ])
    const [event] = await api.database.sql`select action, details from audit_events where target_id = ${sliceId} order by id desc limit 1`
    expect(event).toEqual({ action: 'slice.rotation_requested', details: { name: expect.any(String) } })
  })

  it('is requested once by an Idempotency-Key, by an admin and not by a deployer', async () => {
    const headers = { 'idempotency-key': freeName('key') }
    expect((await rotate({ headers })).body).toEqual((await rotate({ headers })).body)
    expect((await rotate({ token: await api.tokenOf('deployer') })).status).toBe(403)
  })

  it('is repeated with the same locks', async () => {
    const { body } = await rotate()
    await api.database.sql`update operations set status = 'cancelled', finished_at = now() where id = ${String(body.id)}`
    const again = await api.make<{ id: string }>(`${api.root}/operations/${String(body.id)}/retry`)
    const locks = (id: string) => api.database.sql`select key, mode from operation_locks where operation_id = ${id} order by key`
    expect(await locks(again.id)).toEqual(await locks(String(body.id)))
  })

  it('is refused for a slice that is not there yet, or of another service or organisation', async () => {
    await api.database.sql`update service_slices set status = 'new' where id = ${sliceId}`
    expect((await rotate()).body).toMatchObject({ status: 409, code: 'slice_not_ready' })
    const other = await makeService(api, 'valkey', serverId)
    expect((await api.ask('POST', path(sliceId, other))).body).toMatchObject({ status: 404, code: 'slice_not_found' })
    const stranger = await api.anotherOrganisation()
    const elsewhere = `${stranger.root}/services/${serviceId}/slices/${sliceId}/credential-rotations`
    expect((await api.ask('POST', elsewhere, { token: stranger.token })).body).toMatchObject({ status: 404, code: 'service_not_found' })
  })
})
