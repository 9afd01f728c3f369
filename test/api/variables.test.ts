import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EnvironmentId, ServerId } from '../../domain/ids.ts'
import { makeEnvironment, makeServer, makeService } from './scene.ts'
import { createTestApi, type ProblemBody, type TestApi } from './test-api.ts'

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

interface Changed {
  items: { key: string; change: string; version: number | null; replaces: string | null }[]
  warnings: string[]
  skipped?: string[]
}

const edit = (values: Record<string, unknown>, token = api.ownerToken) => api.ask<Changed & ProblemBody>('PATCH', variables(), { body: { variables: values }, token })
const importing = (content: string, options: object = {}) =>
  api.ask<Changed & ProblemBody>('POST', `${api.root}/environments/${environmentId}/variable-imports`, { body: { content, ...options } })
const own = async () => Object.fromEntries((await list()).filter(({ source }) => source === 'user').map(({ key, value }) => [key, value]))
const attach = async () => {
  const serviceId = await makeService(api, 'postgres', serverId)
  await api.make(`${api.root}/environments/${environmentId}/attachments`, { serviceId, role: 'database' })
}

/** Refused, and nothing is changed. */
async function refused(asking: () => Promise<{ body: ProblemBody }>) {
  const before = await api.stored()
  const { body } = await asking()
  expect(await api.stored()).toEqual(before)
  return body
}

describe('several variables at once', () => {
  it('are set and removed, and those that are so already stay as they are', async () => {
    await edit({ KEPT: 'same', CHANGED: 'old', GONE: 'x' })
    const { status, body } = await edit({ KEPT: 'same', CHANGED: 'new', GONE: null, NEVER: null, ADDED: '' })
    expect(status).toBe(200)
    expect(body.items).toEqual([
      { key: 'KEPT', change: 'unchanged', version: 1, replaces: null },
      { key: 'CHANGED', change: 'set', version: 2, replaces: null },
      { key: 'GONE', change: 'removed', version: null, replaces: null },
      { key: 'NEVER', change: 'unchanged', version: null, replaces: null },
      { key: 'ADDED', change: 'set', version: 1, replaces: null },
    ])
    expect(await own()).toEqual({ KEPT: 'same', CHANGED: 'new', ADDED: '' })
    const [event] = await api.database.sql`select action, details from audit_events where target_id = ${environmentId} order by id desc limit 1`
    expect(event).toEqual({ action: 'variables.changed', details: { set: { CHANGED: 2, ADDED: 1 }, removed: ['GONE'] } })
  })

  it.each([
    ['a key that is none', { GOOD: 'x', 'NOT-GOOD': 'x' }, 'variables.NOT-GOOD'],
    ['a value that is none', { GOOD: 'x', OTHER: 5 }, 'variables.OTHER'],
    ['a value beyond 64 KB', { GOOD: 'x', LARGE: '😀'.repeat(16_385) }, 'variables.LARGE'],
    ['nothing', {}, 'variables'],
  ])('are all refused with %s among them', async (_, values, field) => {
    expect(await refused(() => edit(values))).toMatchObject({ status: 422, errors: [{ field }] })
  })

  it('are refused where they would be more than a container can be started with', async () => {
    const large = 'x'.repeat(60_000)
    for (const batch of [0, 1, 2, 3]) await edit(Object.fromEntries([1, 2, 3, 4].map((index) => [`LARGE_${batch}_${index}`, large])))
    expect(await refused(() => edit({ ONE_1: large, ONE_2: large }))).toMatchObject({ status: 422, errors: [{ field: 'variables', message: expect.stringContaining('one megabyte') }] })
  })

  it('are refused to a deployer, and in another organisation', async () => {
    expect((await edit({ A: 'x' }, await api.tokenOf('deployer'))).body).toMatchObject({ status: 403 })
    const other = await api.anotherOrganisation()
    const path = `${other.root}/environments/${environmentId}/variables`
    expect((await api.ask('PATCH', path, { body: { variables: { A: 'x' } }, token: other.token })).body).toMatchObject({ status: 404 })
  })
})

describe('what an attachment and Keystone give', () => {
  it('is shown with its source and whether it may be overridden', async () => {
    await attach()
    const shown = Object.fromEntries((await list()).map((variable) => [variable.key, variable]))
    expect(shown.DB_HOST).toMatchObject({ source: 'managed_attachment', overridable: true })
    expect(shown.DB_PASSWORD).toMatchObject({ source: 'managed_attachment', overridable: false })
    expect(shown.APP_KEY).toMatchObject({ source: 'system', overridable: true })
  })

  it('is not overridden where it is the login of a service, and what was set before does not count', async () => {
    await set('DB_PASSWORD', 'of my own')
    await attach()
    expect((await list()).filter(({ key }) => key === 'DB_PASSWORD').map(({ source, isEffective }) => `${source} ${isEffective}`).toSorted()).toEqual(['managed_attachment true', 'user false'])
    for (const asking of [() => edit({ A: 'x', DB_PASSWORD: 'other' }), () => api.ask('PUT', `${variables()}/DB_PASSWORD`, { body: { value: 'other' } })]) {
      expect(await refused(asking)).toMatchObject({ status: 409, code: 'variable_not_overridable', detail: expect.stringContaining('DB_PASSWORD') })
    }
    expect((await edit({ DB_PASSWORD: null })).body.items).toMatchObject([{ change: 'removed' }])
  })

  it('is told of where a value of the user takes its place', async () => {
    await attach()
    const { body } = await edit({ DB_HOST: 'pooler.internal', APP_KEY: 'base64:other', APP_DEBUG: 'true', OWN: 'x' })
    expect(body.items.map(({ replaces }) => replaces)).toEqual(['managed_attachment', 'system', 'system', null])
    expect(body.warnings).toEqual([expect.stringMatching(/^DB_HOST takes the place/), expect.stringMatching(/^APP_KEY takes the place.*encrypted/)])
  })

  it('keeps its key for ever: it is made once, and back when a user removes another one', async () => {
    const key = async () => (await api.database.sql`select value from environment_variables where environment_id = ${environmentId} and key = 'APP_KEY' and source = 'system'`)[0]?.value
    const before = await key()
    await edit({ APP_KEY: 'base64:other' })
    await edit({ APP_KEY: null })
    expect(await key()).toBe(before)
    expect((await list()).filter(({ key: name }) => name === 'APP_KEY')).toMatchObject([{ source: 'system', isEffective: true }])
  })
})

describe('a .env file', () => {
  it('is imported beside what is there', async () => {
    await edit({ KEPT: 'here', MAIL_HOST: 'old' })
    const { status, body } = await importing('# mail\nMAIL_HOST="smtp.example.com"\nMAIL_FROM="${MAIL_HOST} \\$5"\n')
    expect([status, body.items.map(({ key, change, version }) => [key, change, version])]).toEqual([200, [['MAIL_HOST', 'set', 2], ['MAIL_FROM', 'set', 1]]])
    expect(await own()).toEqual({ KEPT: 'here', MAIL_HOST: 'smtp.example.com', MAIL_FROM: 'smtp.example.com $5' })
    expect((await importing('MAIL_HOST="smtp.example.com"')).body.items).toMatchObject([{ change: 'unchanged', version: 2 }])
  })

  it('that cannot be read is refused whole, with line and reason', async () => {
    const body = await refused(() => importing(`GOOD=1\nAPP_NAME=My Shop\nLARGE=${'x'.repeat(65_537)}\n"`))
    expect(body).toMatchObject({ status: 422, code: 'unreadable_env_file' })
    expect(body.errors.map(({ field, message }) => `${field}: ${message}`)).toEqual([
      expect.stringMatching(/^content: line 2: more follows/),
      expect.stringMatching(/^content: line 4: .* is not the name/),
      expect.stringMatching(/^content: LARGE must have at most 65536 bytes/),
    ])
  })

  it('with the login of an attached service is refused, or taken without it', async () => {
    await attach()
    const file = 'DB_PASSWORD=secret\nMAIL_HOST=smtp\n'
    expect(await refused(() => importing(file))).toMatchObject({ status: 409, code: 'variable_not_overridable', errors: [{ field: 'content' }] })
    expect((await importing(file, { fixed: 'skip' })).body).toMatchObject({ items: [{ key: 'MAIL_HOST' }], skipped: ['DB_PASSWORD'] })
    expect(await own()).toEqual({ MAIL_HOST: 'smtp' })
  })
})

describe('the history of variables', () => {
  interface Page {
    items: { key: string; version: number; change: string; by: string }[]
    nextCursor: string | null
  }
  const history = async (query = '', token = api.ownerToken) => (await api.ask<Page>('GET', `${api.root}/environments/${environmentId}/variable-changes${query}`, { token })).body

  it('says who changed which key and when, and counts on after a removal; values it never says', async () => {
    const token = await api.tokenOf('admin')
    await edit({ TOKEN: 'hidden-one' })
    await edit({ TOKEN: null, OTHER: 'hidden-two' }, token)
    expect((await edit({ TOKEN: 'hidden-three' })).body.items).toMatchObject([{ version: 3 }])
    const { items } = await history('?key=TOKEN', await api.tokenOf('viewer'))
    expect(items).toMatchObject([{ version: 3, change: 'set' }, { version: 2, change: 'removed' }, { version: 1, change: 'set', by: 'owner@localhost' }])
    expect(items[1]?.by).toMatch(/@example\.com$/)
    expect(JSON.stringify(await history())).not.toContain('hidden')
  })

  it('comes page by page, and of another organisation not at all', async () => {
    for (const value of ['a', 'b', 'c']) await edit({ TURNED: value })
    const first = await history('?limit=2')
    expect([...first.items, ...(await history(`?limit=2&cursor=${first.nextCursor}`)).items].map(({ version }) => version)).toEqual([3, 2, 1])
    const other = await api.anotherOrganisation()
    expect((await api.ask('GET', `${other.root}/environments/${environmentId}/variable-changes`, { token: other.token })).body).toMatchObject({ status: 404 })
  })
})
