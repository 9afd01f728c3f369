import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EnvironmentId, ServerId } from '../../domain/ids.ts'
import { makeEnvironment, makeServer, makeService } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverId: ServerId
let environmentId: EnvironmentId

beforeAll(async () => {
  api = await createTestApi()
  serverId = await makeServer(api)
})
beforeEach(async () => {
  environmentId = await makeEnvironment(api, { serverIds: [serverId] })
})
afterAll(() => api.close())

interface Variable {
  key: string
  source: string
  value: string | null
  isEffective: boolean
  version: number | null
  sliceId: string | null
}

const variables = () => `${api.root}/environments/${environmentId}/variables`
const list = async (token = api.ownerToken) => (await api.ask<{ items: Variable[] }>('GET', variables(), { token })).body.items
const set = (key: string, value: unknown, token = api.ownerToken) => api.ask<Variable & { code: string }>('PUT', `${variables()}/${key}`, { body: { value }, token })

describe('variables of an environment', () => {
  it('begin with those of the system, whose values are not shown', async () => {
    const system = await list()
    expect(system.map(({ key }) => key)).toEqual(['APP_DEBUG', 'APP_ENV', 'APP_KEY', 'APP_NAME', 'LOG_CHANNEL'])
    expect(system.every(({ source, value, isEffective }) => source === 'system' && value === null && isEffective)).toBe(true)
  })

  it('are set, counted, shown to admins only, and removed', async () => {
    expect((await set('MAIL_HOST', 'mail.example.com')).body).toMatchObject({ value: 'mail.example.com', source: 'user', version: 1 })
    expect((await set('MAIL_HOST', 'smtp.example.com')).body).toMatchObject({ value: 'smtp.example.com', version: 2 })
    expect(await list()).toContainEqual(expect.objectContaining({ key: 'MAIL_HOST', value: 'smtp.example.com' }))
    expect(await list(await api.tokenOf('deployer'))).toContainEqual(expect.objectContaining({ key: 'MAIL_HOST', value: null }))
    expect((await api.ask('DELETE', `${variables()}/MAIL_HOST`)).body).toEqual({ key: 'MAIL_HOST' })
    expect((await api.ask('DELETE', `${variables()}/MAIL_HOST`)).body).toMatchObject({ status: 404, code: 'variable_not_found' })
  })

  it("give the user's value precedence over the system's", async () => {
    await set('APP_ENV', 'staging')
    const both = (await list()).filter(({ key }) => key === 'APP_ENV')
    expect(both.find(({ source }) => source === 'user')).toMatchObject({ isEffective: true })
    expect(both.find(({ source }) => source === 'system')).toMatchObject({ isEffective: false })
  })

  it('name those that an attachment will give, without values', async () => {
    const serviceId = await makeService(api, 'postgres', serverId)
    const { slice } = await api.make<{ slice: { id: string } }>(`${api.root}/environments/${environmentId}/attachments`, { serviceId, role: 'database' })
    const managed = (await list()).filter(({ source }) => source === 'managed_attachment')
    expect(managed.map(({ key }) => key)).toEqual(expect.arrayContaining(['DB_DATABASE', 'DB_HOST', 'DB_PASSWORD', 'DB_USERNAME']))
    expect(managed.every(({ value, sliceId }) => value === null && sliceId === slice.id)).toBe(true)
  })

  it('are stored sealed and never logged', async () => {
    await set('API_SECRET', 'correct horse battery staple')
    const [row] = await api.database.sql`select value from environment_variables where key = 'API_SECRET'`
    expect(row!.value).toMatch(/^k1\.test\./)
    expect(api.logged()).not.toContain('correct horse')
    const [audit] = await api.database.sql`select string_agg(details::text, '') as details from audit_events`
    expect(audit!.details).not.toContain('correct horse')
  })

  it.each([
    ['a key with a hyphen', 'MAIL-HOST', 'x', 'key'],
    ['a key that begins with a digit', '1KEY', 'x', 'key'],
    ['a number as value', 'PORT', 25, 'value'],
    ['no value', 'PORT', undefined, 'value'],
    ['a value of more than 64 KB', 'LONG', 'x'.repeat(65_537), 'value'],
  ])('do not take %s', async (_, key, value, field) => {
    const before = await api.stored()
    expect((await set(key, value)).body).toMatchObject({ status: 422, errors: [{ field }] })
    expect(await api.stored()).toEqual(before)
  })

  it('are not set by a deployer', async () => {
    expect((await set('MAIL_HOST', 'x', await api.tokenOf('deployer'))).body).toMatchObject({ status: 403, code: 'role_required' })
  })
})
