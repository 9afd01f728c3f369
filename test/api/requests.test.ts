import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { someHostKey } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi

beforeAll(async () => {
  api = await createTestApi()
})
afterAll(() => api.close())

const unknown = '01900000-0000-7000-8000-000000000000'

/** Refused, and nothing is changed. */
async function refused(method: string, path: string, request: object = {}) {
  const before = await api.stored()
  const answer = await api.ask(method, path, request)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  expect(await api.stored()).toEqual(before)
  return answer.body
}

describe('ids of nothing', () => {
  const addresses = [
    ['GET', 'servers/ID'],
    ['POST', 'servers/ID/provision'],
    ['GET', 'applications/ID'],
    ['POST', 'applications/ID/verify'],
    ['POST', 'applications/ID/environments', { name: 'production' }],
    ['GET', 'environments/ID'],
    ['GET', 'environments/ID/services'],
    ['POST', 'environments/ID/services', { name: 'jobs', role: 'worker' }],
    ['GET', 'environments/ID/attachments'],
    ['POST', 'environments/ID/attachments', { serviceId: unknown, role: 'database' }],
    ['GET', 'environments/ID/routes'],
    ['POST', 'environments/ID/routes', { domain: 'shop.example.com' }],
    ['GET', 'environments/ID/variables'],
    ['PUT', 'environments/ID/variables/KEY', { value: 'x' }],
    ['DELETE', 'environments/ID/variables/KEY'],
    ['POST', 'environments/ID/deployments', {}],
    ['GET', 'services/ID'],
    ['POST', 'services/ID/deployments'],
    ['GET', 'operations/ID'],
    ['GET', 'operations/ID/logs'],
    ['GET', 'operations/ID/logs.txt'],
    ['GET', 'operations/ID/events'],
    ['POST', 'operations/ID/cancel'],
    ['POST', 'operations/ID/retry'],
  ] as const

  it.each(addresses)('%s %s is a 404', async (method, path, body?: object) => {
    const thing = path.slice(0, path.indexOf('s/'))
    expect(await refused(method, `${api.root}/${path.replace('ID', unknown)}`, { body })).toMatchObject({ status: 404, code: `${thing}_not_found` })
    for (const id of ['1', 'not-a-uuid', '%00', "1'%20or%201=1", '..%2f..']) {
      expect(await refused(method, `${api.root}/${path.replace('ID', id)}`, { body })).toMatchObject({ status: 404 })
    }
  })

  it.each(['/organisations/1', `/organisations/${unknown}`, `/organisations/${unknown}/servers`, '/organisations/%ff/servers'])('%s is a 404', async (path) => {
    expect(await refused('GET', path)).toMatchObject({ status: 404, code: 'organisation_not_found' })
  })

  it.each([
    ['GET', '/nothing'],
    ['GET', '/organisations/ROOT/nothing'],
  ])('%s %s is a 404 that leads to the documentation', async (method, path) => {
    const body = await refused(method, path.replace('ROOT', api.organisationId))
    expect(body).toMatchObject({ status: 404, code: 'not_found', detail: expect.stringContaining('/docs') })
  })
})

it.each([
  ['DELETE', '/organisations/ROOT/servers', 'GET, HEAD, POST'],
  ['PUT', `/organisations/ROOT/servers/${unknown}/provision`, 'POST'],
  ['POST', '/healthz', 'GET, HEAD'],
])('%s %s says what the address takes instead', async (method, path, allow) => {
  const answer = await api.ask(method, path.replace('ROOT', api.organisationId), method === 'DELETE' ? {} : { body: {} })
  expect([answer.status, answer.headers.get('allow'), answer.body.code]).toEqual([405, allow, 'method_not_allowed'])
})

describe('a body', () => {
  const post = (body: unknown, headers = {}) => refused('POST', `${api.root}/git-host-keys`, { body, headers })

  it.each([
    ['half of it', '{"host":', 400, 'malformed_request'],
    ['nothing', '', 400, 'malformed_request'],
    ['words', 'host=git.example.com', 400, 'malformed_request'],
  ])('that is not JSON: %s', async (_, body, status, code) => {
    expect(await post(body)).toMatchObject({ status, code })
  })

  it.each([
    ['a list', '[]'],
    ['a text', '"host"'],
    ['null', 'null'],
  ])('that is no object: %s', async (_, body) => {
    expect(await post(body)).toMatchObject({ status: 422, code: 'invalid_input', errors: [{ field: 'body', message: 'must be an object' }] })
  })

  it('names every field at fault', async () => {
    const body = await post({ host: 5, port: 1.5, kye: 'x' })
    expect(body.errors).toEqual([
      { field: 'host', message: 'must be a text' },
      { field: 'port', message: 'must be a port, 1 to 65535' },
      { field: 'key', message: 'is missing' },
      { field: 'kye', message: 'is not a known field: remove it' },
    ])
    expect(body.detail).toBe('host: must be a text; port: must be a port, 1 to 65535; key: is missing; kye: is not a known field: remove it')
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml'])('of type %s is refused', async (type) => {
    const body = { host: 'git.example.com', key: someHostKey }
    expect(await post(body, { 'content-type': type })).toMatchObject({ status: 415, code: 'unsupported_content_type' })
  })

  it('that is missing is asked for', async () => {
    expect(await refused('POST', `${api.root}/git-host-keys`)).toMatchObject({ status: 422, detail: 'host: is missing; key: is missing' })
  })

  it('that says what is to be changed has a type', async () => {
    expect(await refused('PATCH', `${api.root}/services/${unknown}`)).toMatchObject({ status: 415, code: 'unsupported_content_type' })
  })

  it('that is too large is not read', async () => {
    expect(await post({ host: 'x'.repeat(300_000), key: someHostKey })).toMatchObject({ status: 413, code: 'body_too_large' })
  })

  it('has no prototype to be polluted with', async () => {
    expect(await post(`{"host":"git.example.com","key":"${someHostKey}","__proto__":{"port":1}}`)).toMatchObject({ status: 422, code: 'invalid_input' })
  })
})

describe('a query', () => {
  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=many', 'limit'],
    ['limit=1.5', 'limit'],
    ['cursor=first', 'cursor'],
    ['page=2', 'page'],
  ])('%s is refused', async (query, field) => {
    for (const list of ['servers', 'applications', 'environments', 'services', 'git-host-keys', 'operations']) {
      expect(await refused('GET', `${api.root}/${list}?${query}`)).toMatchObject({ status: 422, errors: [{ field }] })
    }
  })

  it.each(['status=done', 'kind=deploy', 'targetType=planet', 'targetId=1'])('of operations %s is refused', async (query) => {
    expect(await refused('GET', `${api.root}/operations?${query}`)).toMatchObject({ status: 422, errors: [{ field: query.split('=')[0] }] })
  })
})

describe('an answer', () => {
  it('may be kept, shown or embedded by nobody, and no other origin reads it', async () => {
    const { headers } = await api.ask('GET', `${api.root}/git-host-keys`, { headers: { origin: 'https://elsewhere.example' } })
    expect(Object.fromEntries(headers)).toMatchObject({
      ...{ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' },
      ...{ 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'cross-origin-resource-policy': 'same-origin' },
    })
    expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
  })

  it('to the question of a browser whether another origin may ask is no', async () => {
    const asked = { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' }
    const { status, headers, body } = await api.ask('OPTIONS', `${api.root}/git-host-keys`, { headers: asked })
    expect([status, body.code, headers.get('access-control-allow-origin')]).toEqual([405, 'method_not_allowed', null])
  })

  it.each([
    ['a-proxy.calls_it.42', 'a-proxy.calls_it.42'],
    ['not fit for a log\t', expect.stringMatching(/^[0-9a-f-]{36}$/)],
    ['x'.repeat(101), expect.stringMatching(/^[0-9a-f-]{36}$/)],
  ])('to the request %j has its id, as its log has', async (given, id) => {
    const { headers } = await api.ask('GET', `${api.root}/git-host-keys`, { headers: { 'x-request-id': given } })
    expect(headers.get('x-request-id')).toEqual(id)
    expect(api.logged()).toContain(`"requestId":"${headers.get('x-request-id')}"`)
  })
})

it('logs no token, header or body', async () => {
  await api.make(`${api.root}/git-host-keys`, { host: 'logged.example.com', key: someHostKey })
  const last = JSON.parse(api.logged().trim().split('\n').at(-1)!) as Record<string, unknown>
  expect(last).toMatchObject({ msg: 'request', method: 'POST', path: `${api.root}/git-host-keys`, route: '/organisations/:organisationId/git-host-keys', status: 201 })
  expect(api.logged()).not.toContain(api.ownerToken)
  expect(api.logged()).not.toContain('logged.example.com')
})

it('tells nothing of an internal error but where to look', async () => {
  await api.database.sql`alter table git_host_keys rename to elsewhere`
  const { status, body, headers } = await api.ask('POST', `${api.root}/git-host-keys`, { body: { host: 'secret.example.com', key: someHostKey } }).finally(
    () => api.database.sql`alter table elsewhere rename to git_host_keys`,
  )
  expect([status, body.code]).toEqual([500, 'internal_error'])
  expect(body.detail).toContain(headers.get('x-request-id'))
  expect(JSON.stringify(body)).not.toContain('git_host_keys')
  const logged = api.logged().split('\n').find((line) => line.includes(headers.get('x-request-id')!) && line.includes('request failed'))!
  expect(logged).toContain('relation \\"git_host_keys\\" does not exist')
  expect(logged).not.toContain('secret.example.com')
})
