import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeApplication, makeEnvironment, makeServer, makeService, someHostKey } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let ids: Record<string, string>

beforeAll(async () => {
  api = await createTestApi()
  const serverId = await makeServer(api)
  const applicationId = await makeApplication(api)
  const operations = await api.ask<{ items: { id: string }[] }>('GET', `${api.root}/operations`)
  ids = {
    ...{ organisationId: api.organisationId, serverId, applicationId },
    environmentId: await makeEnvironment(api, { applicationId, serverIds: [serverId] }),
    serviceId: await makeService(api, 'valkey', serverId),
    operationId: operations.body.items[0]!.id,
    key: 'MAIL_HOST',
    ...(await access()),
  }
})
afterAll(() => api.close())

/** Of somebody else: any input may be one that removes him. */
async function access() {
  const { user } = (await api.ask<{ user: { id: string } }>('GET', '/user', { token: await api.tokenOf('viewer') })).body
  const { id: tokenId } = await api.make(`${api.root}/tokens`, { name: 'ci', scopes: ['viewer'] })
  return { userId: user.id, tokenId }
}

interface Document {
  paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: { $ref: string } }> } }>>
  components: { schemas: Record<string, { properties: Record<string, object> }> }
}

/** Values that mean something somewhere, beside any JSON. */
const telling = fc.constantFrom<unknown>('', 'shop', '-x', 'a.example.com', 'caddy', 'database', 'worker', 'main', someHostKey, 0, -1, 1e99, null, [], {}, '\0', '\ud800', '💥')

const bodyOf = (fields: readonly string[]) => {
  const value = fc.oneof(telling, fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(...Object.values(ids)))
  return fc.oneof({ weight: 4, arbitrary: fc.record(Object.fromEntries(fields.map((field) => [field, value])), { requiredKeys: [] }) }, { weight: 1, arbitrary: fc.jsonValue() })
}

it('is answered by no route with an internal error', { timeout: 120_000 }, async () => {
  const document = (await (await api.app.request('/openapi.json')).json()) as Document
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { requestBody }]) => {
      const name = requestBody?.content['application/json']!.schema.$ref.split('/').at(-1)
      return name === undefined ? [] : [{ method: method.toUpperCase(), path, fields: Object.keys(document.components.schemas[name]!.properties) }]
    }),
  )
  expect(routes.length).toBeGreaterThan(8)
  for (const { method, path, fields } of routes) {
    const address = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name]!)
    const any = fc.asyncProperty(bodyOf(fields), async (body) => {
      const answer = await api.ask(method, address, { body: JSON.stringify(body) })
      if (answer.status >= 300) expect(answer.body).toMatchObject({ status: answer.status, code: expect.any(String), detail: expect.stringMatching(/\S/) })
      expect(answer.status, api.logged().split('\n').findLast((line) => line.includes('request failed'))).toBeLessThan(500)
    })
    await fc.assert(any, { numRuns: 60 })
  }
})
