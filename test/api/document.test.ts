import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApi, type TestApi } from './test-api.ts'

interface OpenApiOperation {
  summary: string
  tags: string[]
  parameters?: { name: string; in: string }[]
  requestBody?: { content: Record<string, { schema: { $ref?: string } }> }
  responses: Record<string, { content: Record<string, { schema: object }> }>
  security?: object[]
}

interface Document {
  openapi: string
  paths: Record<string, Record<string, OpenApiOperation>>
  components: { schemas: Record<string, { type?: string; additionalProperties?: unknown }>; securitySchemes: object }
  security: object[]
}

let api: TestApi
let document: Document

beforeAll(async () => {
  api = await createTestApi()
  document = (await (await api.app.request('/openapi.json')).json()) as Document
})
afterAll(() => api.close())

/** What supervisors ask, and the document itself. */
/** Git hosts speak to webhooks as they do. */
const ofTheProcess = /^\/(webhooks\/.*|healthz|readyz|metrics|openapi\.json|docs.*)$/

const documented = () =>
  Object.entries(document.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })))

describe('the OpenAPI document', () => {
  it('has every route, and every route is in it', () => {
    const served = api.app.routes
      .filter(({ method, path }) => method !== 'ALL' && !ofTheProcess.test(path))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    expect(new Set(documented().map(({ method, path }) => `${method} ${path}`))).toEqual(new Set(served))
    expect(document.openapi).toBe('3.1.0')
    expect([document.security, Object.keys(document.components.securitySchemes)]).toEqual([[{ token: [] }], ['token']])
  })

  it('has the problems of every route, and what repeats it safely', () => {
    for (const { method, path, operation } of documented()) {
      const ofToken = operation.security?.length === 0 ? ['429'] : ['403', '404']
      const problems = ['401', ...ofToken, '422', '500', ...(method === 'GET' ? [] : ['400', '409', '413', '415'])]
      for (const status of problems) expect(Object.keys(operation.responses[status]?.content ?? {}), `${method} ${path} ${status}`).toEqual(['application/problem+json'])
      const successes = Object.keys(operation.responses).filter((status) => status.startsWith('2'))
      expect(successes, `${method} ${path}`).toHaveLength(1)
      expect([operation.summary, operation.tags.length], `${method} ${path}`).toEqual([expect.any(String), 1])
      const takesKey = (operation.parameters ?? []).some(({ name }) => name === 'idempotency-key')
      expect(takesKey, `${method} ${path}`).toBe(method === 'POST' && path.startsWith('/organisations'))
    }
  })

  it('names every parameter of a path, and says that bodies take no unknown field', () => {
    for (const { path, operation } of documented()) {
      const named = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path').map(({ name }) => `{${name}}`)
      expect(named.toSorted(), path).toEqual((path.match(/\{\w+\}/g) ?? []).toSorted())
      const reference = operation.requestBody?.content['application/json']?.schema.$ref
      if (operation.requestBody) expect(document.components.schemas[reference!.split('/').at(-1)!], path).toMatchObject({ additionalProperties: false })
    }
  })
})

describe('the page that shows it', () => {
  const get = (path: string) => api.app.request(path)

  it('is served with all of its parts and none from another host', async () => {
    const page = await get('/docs')
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
    const parts = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!)
    expect(parts).toHaveLength(4)
    for (const part of parts) expect([part, (await get(part)).status]).toEqual([expect.stringMatching(/^\/docs\//), 200])
    expect(await (await get('/docs/open.js')).text()).toContain('"url":"/openapi.json"')
  })

  it('leads nowhere else on the disk', async () => {
    for (const path of ['/docs/../../package.json', '/docs/..%2f..%2fpackage.json', '/docs/%2e%2e/%2e%2e/package.json', '/docs/nothing.js']) expect((await get(path)).status).toBe(404)
  })
})

describe('the process', () => {
  it('is alive and ready, and counts requests and operations', async () => {
    expect(await (await api.app.request('/healthz')).json()).toEqual({ status: 'ok' })
    expect(await (await api.app.request('/readyz')).json()).toEqual({ status: 'ready' })
    await api.ask('GET', api.root)
    const metrics = await (await api.app.request('/metrics')).text()
    expect(metrics).toMatch(/keystone_http_request_seconds_count\{method="GET",route="\/organisations\/:organisationId",status="200"\} 1/)
    for (const name of ['keystone_operations_unfinished', 'keystone_servers', 'keystone_drift_findings']) expect(metrics).toContain(`# TYPE ${name} gauge`)
  })

  it('is alive and not ready while it ends', async () => {
    const ending = await createTestApi()
    await ending.close()
    expect((await ending.app.request('/healthz')).status).toBe(200)
    const ready = await ending.app.request('/readyz')
    expect([ready.status, await ready.json()]).toEqual([503, expect.objectContaining({ code: 'closing' })])
  })
})
