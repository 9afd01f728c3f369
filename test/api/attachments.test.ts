import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EnvironmentId, ServerId, ServiceId } from '../../domain/ids.ts'
import { makeEnvironment, makeServer, makeService, type WithOperation } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverId: ServerId
let postgres: ServiceId
let valkey: ServiceId
let environmentId: EnvironmentId

beforeAll(async () => {
  api = await createTestApi()
  serverId = await makeServer(api)
  postgres = await makeService(api, 'postgres', serverId)
  valkey = await makeService(api, 'valkey', serverId)
})
beforeEach(async () => {
  environmentId = await makeEnvironment(api, { serverIds: [serverId] })
})
afterAll(() => api.close())

interface Attached extends WithOperation {
  attachment: { id: string; sliceId: string; isPrimary: boolean; role: string }
  slice: { id: string; name: string; status: string; config: Record<string, unknown> }
  recommendedVariables: Record<string, string>
}

const attachments = (id = environmentId) => `${api.root}/environments/${id}/attachments`
const attach = (body: object) => api.make<Attached>(attachments(), body)
const refused = async (body: object) => (await api.ask('POST', attachments(), { body })).body

describe('attaching', () => {
  it('makes a database of its own for the environment', async () => {
    const { status, headers, body } = await api.ask<Attached>('POST', attachments(), { body: { serviceId: postgres, role: 'database' } })
    expect(status).toBe(202)
    expect(body.attachment).toMatchObject({ environmentId, serviceId: postgres, sliceId: body.slice.id, role: 'database', isPrimary: true, envPrefix: null })
    expect(body.slice).toMatchObject({ type: 'database', status: 'new', name: expect.stringMatching(/^shop-[0-9a-f]{8}-production$/) })
    expect(body.operation).toMatchObject({ kind: 'slice_provision', targetId: body.slice.id, summary: `provision database ${body.slice.name}` })
    expect(headers.get('location')).toBe(`${api.root}/operations/${body.operation.id}`)
    const list = await api.ask<{ items: unknown[] }>('GET', attachments())
    expect(list.body.items).toEqual([body.attachment])
    expect((await api.ask('GET', `${attachments()}/${body.attachment.id}`)).body).toEqual(body.attachment)
    expect(JSON.stringify(body)).not.toMatch(/password/i)
  })

  it('gives a cache and a queue the same keyspace, and recommends what makes Laravel use them', async () => {
    const cache = await attach({ serviceId: valkey, role: 'cache' })
    expect(cache.recommendedVariables).toEqual({ CACHE_STORE: 'redis', SESSION_DRIVER: 'redis' })
    const queue = await attach({ serviceId: valkey, role: 'queue', sliceId: cache.slice.id })
    expect(queue.slice.id).toBe(cache.slice.id)
    expect(queue.recommendedVariables).toEqual({ QUEUE_CONNECTION: 'redis' })
  })

  it('tells a second database apart by a prefix', async () => {
    await attach({ serviceId: postgres, role: 'database' })
    const second = { serviceId: postgres, role: 'database', name: `analytics-${environmentId.slice(-8)}` }
    const before = await api.stored()
    expect(await refused(second)).toMatchObject({ status: 409, code: 'variables_collide', errors: [{ field: 'envPrefix' }] })
    expect(await api.stored()).toEqual(before)
    const { attachment } = await attach({ ...second, envPrefix: 'ANALYTICS_' })
    expect(attachment.isPrimary).toBe(false)
  })

  it('has one primary of a role', async () => {
    await attach({ serviceId: postgres, role: 'database' })
    expect(await refused({ serviceId: postgres, role: 'database', envPrefix: 'OTHER_', isPrimary: true })).toMatchObject({ status: 409, errors: [{ field: 'isPrimary' }] })
  })

  it('refuses what the servers of the environment do not reach', async () => {
    const apart = await makeService(api, 'postgres', await makeServer(api, {}))
    const before = await api.stored()
    expect(await refused({ serviceId: apart, role: 'custom', envPrefix: 'FAR_' })).toMatchObject({ status: 422, code: 'service_unreachable', errors: [{ field: 'serviceId' }] })
    expect(await api.stored()).toEqual(before)
  })

  it('attaches a slice in a role once', async () => {
    const { slice } = await attach({ serviceId: postgres, role: 'database' })
    expect(await refused({ serviceId: postgres, role: 'database', sliceId: slice.id, isPrimary: false })).toMatchObject({ status: 409, errors: [{ field: 'sliceId' }] })
  })

  it('lets several environments use one slice, and none of them be deployed while it is worked on', async () => {
    const { slice } = await attach({ serviceId: postgres, role: 'database' })
    const first = environmentId
    environmentId = await makeEnvironment(api, { serverIds: [serverId] })
    const shared = await attach({ serviceId: postgres, role: 'database', sliceId: slice.id })
    expect(shared.attachment).toMatchObject({ environmentId, sliceId: slice.id })
    const locks = await api.database.sql`select key, mode from operation_locks where operation_id = ${shared.operation.id} and key like 'environment/%'`
    expect([...locks].map(({ key, mode }) => `${mode} ${key}`).toSorted()).toEqual([first, environmentId].map((id) => `shared environment/${id}`).toSorted())
  })

  it('gives a new slice the settings of the wish', async () => {
    const { slice } = await attach({ serviceId: postgres, role: 'database', config: { extensions: ['citext'], connectionLimit: 20 } })
    expect(slice.config).toEqual({ database: expect.any(String), extensions: ['citext'], connectionLimit: 20 })
  })

  it('is ended by an operation of the slice, which stays', async () => {
    const { attachment, slice } = await attach({ serviceId: postgres, role: 'database' })
    const { status, body, headers } = await api.ask<WithOperation['operation'] & { input: object }>('DELETE', `${attachments()}/${attachment.id}`)
    expect([status, body.kind, body.targetId, body.input]).toEqual([202, 'slice_detach', slice.id, { attachmentId: attachment.id }])
    expect(body.summary).toMatch(new RegExp(`^detach database ${slice.name} from production of shop-`))
    expect(headers.get('location')).toBe(`${api.root}/operations/${body.id}`)
    const [event] = await api.database.sql`select action from audit_events where target_id = ${environmentId} order by id desc limit 1`
    expect(event).toEqual({ action: 'environment.detach_requested' })
    environmentId = await makeEnvironment(api, { serverIds: [serverId] })
    expect((await api.ask('DELETE', `${attachments()}/${attachment.id}`)).body).toMatchObject({ status: 404, code: 'attachment_not_found' })
  })

  it.each([
    ['a service that is not there', () => ({ serviceId: environmentId, role: 'database' }), 422, 'unknown_service', 'serviceId'],
    ['a service id that is none', () => ({ serviceId: 'postgres', role: 'database' }), 422, 'invalid_input', 'serviceId'],
    ['a slice that is not there', () => ({ serviceId: postgres, role: 'database', sliceId: environmentId }), 422, 'unknown_slice', 'sliceId'],
    ['a cache that is a database', () => ({ serviceId: postgres, role: 'cache' }), 422, 'invalid_input', 'role'],
    ['a role that is none', () => ({ serviceId: postgres, role: 'search' }), 422, 'invalid_input', 'role'],
    ['a prefix in lower case', () => ({ serviceId: postgres, role: 'database', envPrefix: 'other_' }), 422, 'invalid_input', 'envPrefix'],
    ['a name and a slice', () => ({ serviceId: postgres, role: 'database', name: 'a', sliceId: environmentId }), 422, 'invalid_input', 'name'],
    ['an extension with a quote', () => ({ serviceId: postgres, role: 'database', config: { extensions: ['a";drop'] } }), 422, 'invalid_input', 'config.extensions[0]'],
    ['settings of a keyspace', () => ({ serviceId: valkey, role: 'cache', config: { connectionLimit: 1 } }), 422, 'invalid_input', 'config.connectionLimit'],
    ['settings for a slice that is there', () => ({ serviceId: postgres, role: 'database', config: {}, sliceId: environmentId }), 422, 'invalid_input', 'config'],
    ['a name with a quote', () => ({ serviceId: postgres, role: 'database', name: 'a";drop' }), 422, 'invalid_input', 'name'],
  ])('does not take %s', async (_, body, status, code, field) => {
    const before = await api.stored()
    expect(await refused(body())).toMatchObject({ status, code, errors: [{ field }] })
    expect(await api.stored()).toEqual(before)
  })

  it('refuses a gateway, which has routes instead', async () => {
    const gateway = await makeService(api, 'caddy', await makeServer(api))
    expect(await refused({ serviceId: gateway, role: 'gateway' })).toMatchObject({ status: 409, code: 'service_has_no_slices' })
  })
})
