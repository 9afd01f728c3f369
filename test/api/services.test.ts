import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ServerId } from '../../domain/ids.ts'
import { freeName, makeServer, makeService, type WithOperation } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverId: ServerId
const services = () => `${api.root}/services`

beforeAll(async () => {
  api = await createTestApi()
  serverId = await makeServer(api)
})
afterAll(() => api.close())

interface MadeService extends WithOperation {
  service: { id: string; status: string; driver: string }
}

describe('a standalone service', () => {
  it.each([
    ['postgres', 'database', '18'],
    ['valkey', 'cache', '8'],
    ['caddy', 'gateway', '2'],
  ])('%s is created and deployed', async (driver, category, versionTrack) => {
    const name = freeName(driver)
    const { status, headers, body } = await api.ask<MadeService>('POST', services(), { body: { driver, name, serverId } })
    expect(status).toBe(202)
    expect(body.service).toMatchObject({ name, driver, category, versionTrack, environmentId: null, serverIds: [serverId], status: 'new' })
    expect(body.operation).toMatchObject({ kind: 'service_deploy', status: 'queued', targetId: body.service.id, summary: `deploy ${driver} ${name}` })
    expect(headers.get('location')).toBe(`${api.root}/operations/${body.operation.id}`)
    expect((await api.ask('GET', `${services()}/${body.service.id}`)).body).toEqual(body.service)
    expect((await api.ask<{ items: unknown[] }>('GET', services())).body.items).toContainEqual(body.service)
    const ofKind = (await api.ask<{ items: MadeService['service'][] }>('GET', `${services()}?driver=${driver}`)).body.items
    expect(ofKind).toContainEqual(body.service)
    expect(new Set(ofKind.map((service) => service.driver))).toEqual(new Set([driver]))
  })

  it('has administrative credentials that only the database holds, sealed', async () => {
    const id = await makeService(api, 'postgres', serverId)
    const { body } = await api.ask<Record<string, unknown>>('GET', `${services()}/${id}`)
    expect(Object.keys(body).filter((name) => /credential|password|secret/i.test(name))).toEqual([])
    const [row] = await api.database.sql`select admin_credentials from services where id = ${id}`
    expect(row!.admin_credentials).toMatch(/^k1\.test\./)
  })

  it('is deployed again', async () => {
    const id = await makeService(api, 'valkey', serverId)
    const again = await api.ask<WithOperation['operation']>('POST', `${services()}/${id}/deployments`)
    expect([again.status, again.body.kind, again.body.targetId]).toEqual([202, 'service_deploy', id])
  })

  it('is the only gateway of its server', async () => {
    const own = await makeServer(api)
    await makeService(api, 'caddy', own)
    const before = await api.stored()
    const { body } = await api.ask('POST', services(), { body: { driver: 'caddy', name: freeName('second'), serverId: own } })
    expect(body).toMatchObject({ status: 409, code: 'already_taken', errors: [{ field: 'serverId' }] })
    expect(await api.stored()).toEqual(before)
  })

  it.each([
    ['a driver that is not there', { driver: 'mysql' }, 'driver'],
    ['the driver of applications', { driver: 'laravel' }, 'driver'],
    ['no server', { serverId: undefined }, 'serverId'],
    ['a server that is not there', { serverId: '01900000-0000-7000-8000-000000000000' }, 'serverId'],
    ['a name with an underscore', { name: 'my_db' }, 'name'],
    ['a setting of the wrong type', { config: { maxMemoryMb: 'much' } }, 'config.maxMemoryMb'],
    ['an unknown setting', { config: { maxMemory: 1 } }, 'config.maxMemory'],
    ['settings that are a list', { config: [] }, 'config'],
  ])('does not take %s', async (_, overrides, field) => {
    const before = await api.stored()
    const { body } = await api.ask('POST', services(), { body: { driver: 'valkey', name: freeName('cache'), serverId, ...overrides } })
    expect(body).toMatchObject({ status: 422, errors: [{ field }] })
    expect(await api.stored()).toEqual(before)
  })

  it('is a 404 from another organisation', async () => {
    const other = await api.anotherOrganisation()
    const id = await makeService(api, 'valkey', serverId)
    for (const [method, path] of [['GET', id], ['POST', `${id}/deployments`]] as const) {
      expect((await api.ask(method, `${other.root}/services/${path}`, { token: other.token })).body).toMatchObject({ status: 404, code: 'service_not_found' })
    }
    const foreign = await api.ask('POST', `${other.root}/services`, { token: other.token, body: { driver: 'valkey', name: 'cache', serverId } })
    expect(foreign.body).toMatchObject({ status: 422, code: 'unknown_server' })
  })
})
