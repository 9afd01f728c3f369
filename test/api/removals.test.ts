import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EnvironmentId, ServerId, ServiceId } from '../../domain/ids.ts'
import { freeName, makeApplication, makeEnvironment, makeServer, makeService, type WithOperation } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverId: ServerId
let environmentId: EnvironmentId
let databaseId: ServiceId

const remove = (path: string) => api.ask<WithOperation['operation']>('DELETE', `${api.root}/${path}`)
const refused = async (path: string) => (await api.ask('DELETE', `${api.root}/${path}`)).body
const attach = (id: ServiceId) => api.make<{ slice: { id: string; name: string } }>(`${api.root}/environments/${environmentId}/attachments`, { serviceId: id, role: 'database' })
const servicesOf = async (id: string) => (await api.ask<{ items: { id: string; name: string }[] }>('GET', `${api.root}/environments/${id}/services`)).body.items

beforeAll(async () => {
  api = await createTestApi()
  serverId = await makeServer(api)
  environmentId = await makeEnvironment(api, { serverIds: [serverId] })
  databaseId = await makeService(api, 'postgres', serverId)
})
afterAll(() => api.close())

describe('a service', () => {
  it('whose slices environments use is not removed, and they are named', async () => {
    const { slice } = await attach(databaseId)
    const before = await api.stored()
    expect(await refused(`services/${databaseId}`)).toMatchObject({ status: 409, code: 'service_in_use', detail: expect.stringContaining(`${slice.name} (production of shop-`) })
    expect(await api.stored()).toEqual(before)
  })

  it('that routes is not removed, nor one that builds', async () => {
    const gatewayId = await makeService(api, 'caddy', serverId)
    const domain = `${freeName('shop')}.example.com`
    await api.make(`${api.root}/environments/${environmentId}/routes`, { domain })
    expect(await refused(`services/${gatewayId}`)).toMatchObject({ status: 409, code: 'service_in_use', detail: expect.stringContaining(`${domain} (production of shop-`) })
    const builderId = await makeService(api, 'buildkit', serverId)
    await api.database.sql`update environments set build_strategy = 'dedicated_builder', builder_service_id = ${builderId} where id = ${environmentId}`
    expect(await refused(`services/${builderId}`)).toMatchObject({ status: 409, code: 'service_in_use', detail: expect.stringContaining('builds the images of production of shop-') })
  })

  it('that its environment consists of is not removed, nor the one that its scheduler runs on', async () => {
    const path = `${api.root}/environments/${environmentId}`
    const { id: workerId } = await api.make(`${path}/services`, { name: 'worker', role: 'worker' })
    const [webId] = (await servicesOf(environmentId)).flatMap(({ id, name }) => (name === 'web' ? [id] : []))
    expect(await refused(`services/${webId}`)).toMatchObject({ status: 409, code: 'primary_service' })
    await api.ask('PATCH', path, { body: { schedulerTargetServiceId: workerId } })
    expect(await refused(`services/${workerId}`)).toMatchObject({ status: 409, code: 'scheduler_target' })
    await api.ask('PATCH', path, { body: { schedulerTargetServiceId: webId } })
    expect((await remove(`services/${workerId}`)).body).toMatchObject({ kind: 'service_remove', targetId: workerId })
  })

  it('is removed once, however often that is asked for', async () => {
    const id = await makeService(api, 'valkey', serverId)
    const [once, again] = [await remove(`services/${id}`), await remove(`services/${id}`)]
    expect([once.status, once.body.kind, once.body.summary.startsWith('remove valkey-')]).toEqual([202, 'service_remove', true])
    expect(again.body.id).toBe(once.body.id)
    expect(once.headers.get('location')).toBe(`${api.root}/operations/${once.body.id}`)
  })

  it('is removed by force after a removal that is not, and once', async () => {
    const id = await makeService(api, 'valkey', serverId)
    const once = await remove(`services/${id}`)
    const [forced, again] = [await remove(`services/${id}?force=true`), await remove(`services/${id}?force=true`)]
    expect([forced.body.id === once.body.id, again.body.id === forced.body.id, forced.body.status]).toEqual([false, true, 'queued'])
    const [stored] = await api.database.sql`select input from operations where id = ${forced.body.id}`
    expect(stored!.input).toEqual({ force: true })
    expect(await refused(`services/${id}?force=yes`)).toMatchObject({ status: 422, errors: [{ field: 'force' }] })
  })

  it('that is being removed cannot be changed, but asked for', async () => {
    const id = await makeService(api, 'valkey', serverId)
    await api.database.sql`update services set status = 'removing' where id = ${id}`
    expect((await api.ask('GET', `${api.root}/services/${id}`)).body).toMatchObject({ status: 'removing' })
    expect((await api.ask('PATCH', `${api.root}/services/${id}`, { body: { cpuLimit: 1 } })).body).toMatchObject({ status: 409, code: 'service_removing' })
    const attached = await api.ask('POST', `${api.root}/environments/${environmentId}/attachments`, { body: { serviceId: id, role: 'cache' } })
    expect(attached.body).toMatchObject({ status: 409, code: 'service_removing' })
    expect((await remove(`services/${id}`)).status).toBe(202)
  })
})

it('a route is removed once, however often that is asked for', async () => {
  const own = await makeServer(api)
  await makeService(api, 'caddy', own)
  const id = await makeEnvironment(api, { serverIds: [own] })
  const { route } = await api.make<{ route: { id: string } }>(`${api.root}/environments/${id}/routes`, { domain: `${freeName('shop')}.example.com` })
  const [once, again] = [await remove(`environments/${id}/routes/${route.id}`), await remove(`environments/${id}/routes/${route.id}`)]
  expect(once.body).toMatchObject({ kind: 'route_remove', targetId: route.id, summary: expect.stringMatching(/^remove route shop-/) })
  expect(again.body.id).toBe(once.body.id)
  expect(await refused(`environments/${environmentId}/routes/${route.id}`)).toMatchObject({ status: 404, code: 'route_not_found' })
})

describe('an environment', () => {
  it('is removed once, and cannot be changed meanwhile', async () => {
    const id = await makeEnvironment(api)
    const [once, again] = [await remove(`environments/${id}`), await remove(`environments/${id}`)]
    expect(once.body).toMatchObject({ kind: 'environment_remove', targetId: id, summary: expect.stringMatching(/^remove production of shop-/) })
    expect(again.body.id).toBe(once.body.id)
    await api.database.sql`update environments set status = 'removing' where id = ${id}`
    for (const [method, path, body] of [
      ['PUT', 'variables/MAIL_HOST', { value: 'x' }],
      ['POST', 'deployments', {}],
      ['POST', 'services', { name: 'worker', role: 'worker' }],
      ['PATCH', '', { releaseRetention: 2 }],
    ] as const) {
      const { body: answer } = await api.ask(method, `${api.root}/environments/${id}${path && `/${path}`}`, { body })
      expect(answer, path).toMatchObject({ status: 409, code: 'environment_removing' })
    }
    expect((await api.ask('GET', `${api.root}/environments/${id}`)).body).toMatchObject({ status: 'removing' })
  })
})

describe('an application', () => {
  it('with environments is not deleted; without any it is, with its deploy key, and its name is free', async () => {
    const id = await makeApplication(api)
    const ofOne = await makeEnvironment(api, { applicationId: id })
    expect(await refused(`applications/${id}`)).toMatchObject({ status: 409, code: 'application_in_use', detail: expect.stringContaining('production') })
    await api.database.sql`update environments set status = 'removed' where id = ${ofOne}`
    const [before] = await api.database.sql`select name, length(deploy_key_private) as length from applications where id = ${id}`
    expect(await remove(`applications/${id}`)).toMatchObject({ status: 200, body: { id } })
    expect(await refused(`applications/${id}`)).toMatchObject({ status: 404, code: 'application_not_found' })
    const [after] = await api.database.sql`select length(deploy_key_private) as length from applications where id = ${id}`
    expect(Number(after!.length)).toBeLessThan(Number(before!.length) / 2)
    const again = await api.ask('POST', `${api.root}/applications`, { body: { name: before!.name, repositoryUrl: 'git@git.example.com:team/shop.git', repositoryType: 'generic' } })
    expect(again.status).toBe(201)
  })
})

describe('an organisation', () => {
  it('that has something is not deleted; an empty one is, and nobody reaches it any more', async () => {
    expect((await api.ask('DELETE', api.root)).body).toMatchObject({ status: 409, code: 'organisation_in_use' })
    const other = await api.anotherOrganisation()
    expect((await api.ask('DELETE', other.root, { token: await api.tokenOf('admin', { organisationId: other.id }) })).status).toBe(403)
    const bound = await api.tokenOf('owner', { organisationId: other.id, bound: true })
    expect((await api.ask('DELETE', other.root, { token: other.token })).body).toEqual({ id: other.id })
    expect((await api.ask('GET', other.root, { token: other.token })).body).toMatchObject({ status: 404, code: 'organisation_not_found' })
    expect((await api.ask('GET', '/organisations', { token: bound })).status).toBe(401)
    expect((await api.ask<{ items: unknown[] }>('GET', '/organisations', { token: other.token })).body.items).toEqual([])
  })
})

describe('kept data', () => {
  const keep = async (name: string) => {
    const [row] = await api.database.sql`
      insert into kept_volumes (organisation_id, server_id, name, size_bytes, service_id, origin, slices)
      values (${api.organisationId}, ${serverId}, ${name}, 4096, ${databaseId}, 'postgres shop-db', '["shop"]') returning id`
    return String(row!.id)
  }

  it('of volumes is listed by name, with server and size, and deleted where its name is repeated', async () => {
    const name = `keystone_service_${freeName('x')}_postgres_data`
    const id = await keep(name)
    const { body } = await api.ask<{ items: object[] }>('GET', `${api.root}/kept-volumes`)
    expect(body.items).toContainEqual(expect.objectContaining({ id, name, sizeBytes: 4096, origin: 'postgres shop-db', slices: ['shop'], server: { id: serverId, name: expect.any(String) } }))
    const before = await api.stored()
    expect(await refused(`kept-volumes/${id}?confirm=shop-db`)).toMatchObject({ status: 422, code: 'confirmation_required', errors: [{ field: 'confirm' }] })
    expect(await refused(`kept-volumes/${id}`)).toMatchObject({ status: 422, code: 'confirmation_required' })
    expect(await api.stored()).toEqual(before)
    const [once, again] = [await remove(`kept-volumes/${id}?confirm=${name}`), await remove(`kept-volumes/${id}?confirm=${name}`)]
    expect(once.body).toMatchObject({ kind: 'volume_remove', targetId: id, summary: `remove ${name}` })
    expect(again.body.id).toBe(once.body.id)
    const other = await api.anotherOrganisation()
    expect((await api.ask('DELETE', `${other.root}/kept-volumes/${id}?confirm=${name}`, { token: other.token })).status).toBe(404)
  })

  it('of slices is what no environment uses any more', async () => {
    const own = await makeService(api, 'postgres', serverId)
    const make = async (name: string, status: string) => {
      const [row] = await api.database.sql`
        insert into service_slices (service_id, name, type, status, config) values (${own}, ${name}, 'database', ${status}, '{}') returning id`
      return String(row!.id)
    }
    const id = await make('left', 'ready')
    await make('gone', 'removed')
    const { body } = await api.ask<{ items: { id: string }[] }>('GET', `${api.root}/kept-slices`)
    expect(body.items.filter((item) => item.id === id)).toEqual([expect.objectContaining({ name: 'left', type: 'database', service: { id: own, name: expect.any(String) } })])
    expect(body.items.some((item) => 'name' in item && item.name === 'gone')).toBe(false)
  })
})
