import { afterAll, beforeAll, expect, it } from 'vitest'
import { keyActivities } from '../../activities/keys.ts'
import type { OperationId } from '../../domain/ids.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { keyring } from '../db/rows.ts'
import { makeEnvironment } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'
import { activityDeps } from '../activities/deps.ts'

let api: TestApi
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })

beforeAll(async () => {
  api = await createTestApi()
  await makeEnvironment(api)
})
afterAll(() => Promise.all([api.close(), ssh.close()]))

const rotate = (token = api.ownerToken) => api.ask('POST', `${api.root}/key-rotations`, { token })

it('a rotation of the encryption key is requested by an owner alone, one at a time, and stands in the audit', async () => {
  const [first, second] = [await rotate(), await rotate()]
  expect(first).toMatchObject({ status: 202, body: { kind: 'key_rotation', status: 'pending', targetType: 'organisation', input: { keyId: 'test' }, summary: 'encrypt everything with test' } })
  expect(second.body).toMatchObject({ status: 'queued' })
  expect((await rotate(await api.tokenOf('admin'))).status).toBe(403)
  const [event] = await api.database.sql`select action, details from audit_events order by id desc limit 1`
  expect(event).toEqual({ action: 'encryption.rotation_requested', details: { keyId: 'test' } })
})

it('owners see which keys are in use, and never the keys', async () => {
  const { body } = await api.ask<{ current: string; items: { keyId: string; values: number }[] }>('GET', `${api.root}/encryption-keys`)
  expect(body).toEqual({ current: 'test', items: [{ keyId: 'test', values: expect.any(Number) }] })
  expect(body.items[0]!.values).toBeGreaterThan(5)
  expect((await api.ask('GET', `${api.root}/encryption-keys`, { token: await api.tokenOf('admin') })).status).toBe(403)
})

it('a worker with other keys says so and changes nothing', async () => {
  const { db } = api.database
  const deps = activityDeps({ db, keyring, ssh })
  const { body } = await rotate()
  const operationId = String(body.id) as OperationId
  const { resealBatch } = keyActivities(deps)
  const before = await api.stored()
  const position = { column: 0, after: null }
  await expect(resealBatch({ operationId, position })).rejects.toMatchObject({ type: 'other_key', nonRetryable: true })
  expect(await api.stored()).toEqual(before)
  await api.database.sql`update operations set input = '{"keyId": "rows"}' where id = ${operationId}`
  await expect(resealBatch({ operationId, position })).rejects.toMatchObject({ type: 'key_missing', nonRetryable: true })
})
