import { afterAll, beforeAll, expect, it } from 'vitest'
import { undocumented } from './schemathesis.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi

beforeAll(async () => {
  api = await createTestApi()
})
afterAll(() => api.close())

it('each answer to what a machine makes of the OpenAPI document is one that is documented', async () => {
  expect(await undocumented(api, { phases: ['examples', 'coverage'], examples: 1 })).toBeNull()
}, 900_000)
