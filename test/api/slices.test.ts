import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serviceSlices } from '../../db/schema/index.ts'
import { endDetached } from '../../db/slice-uses.ts'
import type { EnvironmentId, ServerId, ServiceId, SliceId } from '../../domain/ids.ts'
import * as rows from '../db/rows.ts'
import { freeName, makeEnvironment, makeServer, makeService, type WithOperation } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverId: ServerId
let postgres: ServiceId
let valkey: ServiceId

beforeAll(async () => {
  api = await createTestApi()
  serverId = await makeServer(api)
  postgres = await makeService(api, 'postgres', serverId)
  valkey = await makeService(api, 'valkey', serverId)
})
afterAll(() => api.close())

interface Slice {
  id: SliceId
  name: string
  status: string
  config: Record<string, unknown>
  usedBy: { environmentId: string; environment: string; application: string; isAttached: boolean }[]
}

const slices = (serviceId = postgres) => `${api.root}/services/${serviceId}/slices`
const make = (body: object = {}, serviceId = postgres) => api.make<WithOperation & { slice: Slice }>(slices(serviceId), { name: freeName('reports'), ...body })
const change = (id: string, config: object, serviceId = postgres) =>
  api.ask<WithOperation & { slice: Slice }>('PATCH', `${slices(serviceId)}/${id}`, { body: { config } })
const remove = (id: string, confirm?: string) => api.ask<WithOperation['operation']>('DELETE', `${slices()}/${id}${confirm === undefined ? '' : `?confirm=${confirm}`}`)

async function refused(method: string, path: string, body?: object) {
  const before = await api.stored()
  const answer = await api.ask(method, path, body ? { body } : {})
  expect(await api.stored()).toEqual(before)
  return answer.body
}

describe('a slice of its own', () => {
  it('is made with its settings, without a deploy of its service', async () => {
    const name = freeName('reports')
    const { slice, operation } = await make({ name, config: { extensions: ['citext'], connectionLimit: 40 } })
    expect(slice).toMatchObject({ name, type: 'database', status: 'new', environmentId: null })
    expect(slice.config).toEqual({ database: name.replace('-', '_'), extensions: ['citext'], connectionLimit: 40 })
    expect(operation).toMatchObject({ kind: 'slice_provision', targetId: slice.id, summary: `provision database ${name}` })
    expect((await api.ask<Slice>('GET', `${slices()}/${slice.id}`)).body).toEqual({ ...slice, usedBy: [] })
  })

  it('stands beside others of its service', async () => {
    const made = [await make({}, valkey), await make({}, valkey)]
    const { body } = await api.ask<{ items: Slice[] }>('GET', slices(valkey))
    expect(body.items.map(({ id }) => id)).toEqual(made.map(({ slice }) => slice.id).toReversed())
    const databases = made.flatMap(({ slice }) => [slice.config.database, slice.config.cacheDatabase])
    expect(new Set(databases).size).toBe(4)
  })

  it.each([
    ['a name that is taken', async () => ({ name: (await make()).slice.name }), 409, 'already_taken', 'name'],
    ['no name', async () => ({}), 422, 'invalid_input', 'name'],
    ['a setting that is none', async () => ({ name: 'other', config: { encoding: 'latin1' } }), 422, 'invalid_input', 'config.encoding'],
    ['a name of its choice in Postgres', async () => ({ name: 'other', config: { database: 'postgres' } }), 422, 'invalid_input', 'config.database'],
    ['a limit of nothing', async () => ({ name: 'other', config: { connectionLimit: 0 } }), 422, 'invalid_input', 'config.connectionLimit'],
    ['an extension twice', async () => ({ name: 'other', config: { extensions: ['a', 'a'] } }), 422, 'invalid_input', 'config.extensions'],
  ])('does not take %s', async (_, body, status, code, field) => {
    expect(await refused('POST', slices(), await body())).toMatchObject({ status, code, errors: [{ field }] })
  })

  it('is not made in a gateway, whose routes are made for an environment', async () => {
    const gateway = await makeService(api, 'caddy', await makeServer(api))
    expect(await refused('POST', slices(gateway), { name: 'a' })).toMatchObject({ status: 409, code: 'service_has_no_slices' })
  })
})

describe('the settings of a slice', () => {
  it('stay as they are until the operation has changed them', async () => {
    const { slice } = await make({ config: { extensions: ['citext'] } })
    const { status, body } = await change(slice.id, { connectionLimit: 5 })
    expect([status, body.slice.config]).toEqual([202, slice.config])
    expect(body.operation).toMatchObject({ kind: 'slice_configure', targetId: slice.id, input: { settings: { connectionLimit: 5 } } })
  })

  it('are those of its kind', async () => {
    const { slice } = await make({}, valkey)
    expect(await refused('PATCH', `${slices(valkey)}/${slice.id}`, { config: { prefix: 'other:' } })).toMatchObject({ status: 422, errors: [{ field: 'config.prefix' }] })
  })

  it('are not changed while it cannot be used', async () => {
    const { slice } = await make()
    await api.database.db.update(serviceSlices).set({ status: 'failed' }).where(eq(serviceSlices.id, slice.id))
    expect(await refused('PATCH', `${slices()}/${slice.id}`, { config: {} })).toMatchObject({ status: 409, code: 'slice_not_ready' })
  })
})

describe('removing a slice', () => {
  it('takes its name as the confirmation', async () => {
    const { slice } = await make()
    for (const wrong of ['', '?confirm=', '?confirm=yes']) {
      const answer = await refused('DELETE', `${slices()}/${slice.id}${wrong}`)
      expect(answer).toMatchObject({ status: 422, code: 'confirmation_required', errors: [{ field: 'confirm' }] })
    }
    const { status, body } = await remove(slice.id, slice.name)
    expect([status, body.kind, body.targetId]).toEqual([202, 'slice_remove', slice.id])
    expect((await api.ask<Slice>('GET', `${slices()}/${slice.id}`)).body.status).toBe('new')
  })

  it('is refused while environments use it, and they are named', async () => {
    const { slice } = await make()
    const using = [await makeEnvironment(api, { serverIds: [serverId] }), await makeEnvironment(api, { serverIds: [serverId] })]
    for (const id of using) await api.make(`${api.root}/environments/${id}/attachments`, { serviceId: postgres, role: 'database', sliceId: slice.id })
    const answer = await refused('DELETE', `${slices()}/${slice.id}?confirm=${slice.name}`)
    expect(answer).toMatchObject({ status: 409, code: 'slice_in_use' })
    expect((answer.environments as { id: string }[]).map(({ id }) => id).toSorted()).toEqual(using.toSorted())
    const { body } = await api.ask<Slice>('GET', `${slices()}/${slice.id}`)
    expect(body.usedBy.map(({ environmentId }) => environmentId).toSorted()).toEqual(using.toSorted())
    expect(body.usedBy.map(({ isAttached }) => isAttached)).toEqual([true, true])
    for (const { application } of body.usedBy) expect(answer.detail).toContain(`production of ${application}`)
  })

  it('is refused until what runs with it has been replaced', async () => {
    const { slice } = await make()
    const environmentId = await makeEnvironment(api, { serverIds: [serverId] })
    await detachedWhileRunning(slice.id, environmentId)
    expect(await refused('DELETE', `${slices()}/${slice.id}?confirm=${slice.name}`)).toMatchObject({ code: 'slice_in_use', detail: expect.stringContaining('until its next deployment') })
    await endDetached(api.database.db, environmentId)
    expect((await remove(slice.id, slice.name)).status).toBe(202)
  })

  it('is not for routes', async () => {
    const gateway = await makeService(api, 'caddy', serverId)
    const environmentId = await makeEnvironment(api, { serverIds: [serverId] })
    const { route } = await api.make<{ route: { id: string } }>(`${api.root}/environments/${environmentId}/routes`, { domain: `${freeName('shop')}.example.com`, tls: 'off' })
    const { body } = await api.ask<{ items: Slice[] }>('GET', slices(gateway))
    expect(body.items.map(({ id }) => id)).toEqual([route.id])
    expect(await refused('DELETE', `${slices(gateway)}/${route.id}?confirm=x`)).toMatchObject({ status: 409, code: 'slice_is_route' })
    const { items } = (await api.ask<{ items: { id: string }[] }>('GET', `${api.root}/environments/${environmentId}/attachments`)).body
    expect(await refused('DELETE', `${api.root}/environments/${environmentId}/attachments/${items[0]!.id}`)).toMatchObject({ status: 409, code: 'attachment_is_route' })
  })

  it('ends what was to be done with it', async () => {
    const { slice, operation } = await make()
    await api.database.sql`update operations set status = 'failed', finished_at = now(), failure = '{"code": "a", "message": "b"}' where id = ${operation.id}`
    await api.database.db.update(serviceSlices).set({ status: 'removed' }).where(eq(serviceSlices.id, slice.id))
    expect(await refused('POST', `${api.root}/operations/${operation.id}/retry`)).toMatchObject({ status: 409, code: 'slice_is_removed' })
    expect((await remove(slice.id, slice.name)).status).toBe(404)
  })

  /** As `slice_detach` leaves it. */
  async function detachedWhileRunning(sliceId: SliceId, environmentId: EnvironmentId) {
    const { sql, db } = api.database
    const serviceId = await rows.service(db, api.organisationId, { environmentId, category: 'application', type: 'laravel', driverName: 'laravel' })
    await rows.replica(db, { serviceId, serverId })
    await sql`insert into detachments (environment_id, service_id, service_slice_id) values (${environmentId}, ${postgres}, ${sliceId})`
  }
})

it('is a 404 from another organisation and by another service', async () => {
  const { slice } = await make()
  const other = await api.anotherOrganisation()
  for (const [method, path] of [['GET', ''], ['GET', `/${slice.id}`], ['DELETE', `/${slice.id}?confirm=${slice.name}`]] as const) {
    expect((await api.ask(method, `${other.root}/services/${postgres}/slices${path}`, { token: other.token })).body).toMatchObject({ status: 404 })
  }
  expect((await api.ask('GET', `${slices(valkey)}/${slice.id}`)).body).toMatchObject({ status: 404, code: 'slice_not_found' })
  expect((await api.ask('DELETE', `${slices(valkey)}/${slice.id}?confirm=${slice.name}`)).body).toMatchObject({ status: 404 })
})

it('is read by viewers and changed by admins', async () => {
  const { slice } = await make()
  const [viewer, deployer] = [await api.tokenOf('viewer'), await api.tokenOf('deployer')]
  expect((await api.ask('GET', slices(), { token: viewer })).status).toBe(200)
  for (const [method, path, body] of [['POST', '', { name: 'a' }], ['PATCH', `/${slice.id}`, { config: {} }], ['DELETE', `/${slice.id}?confirm=${slice.name}`, undefined]] as const) {
    expect((await api.ask(method, `${slices()}${path}`, { token: deployer, body })).body).toMatchObject({ status: 403 })
  }
})
