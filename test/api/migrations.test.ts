import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EnvironmentId } from '../../domain/ids.ts'
import { release } from '../db/rows.ts'
import { freeName, makeEnvironment, makeServer } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverIds: string[]

beforeAll(async () => {
  api = await createTestApi()
  serverIds = [await makeServer(api)]
})
afterAll(() => api.close())

const migrate = (environmentId: EnvironmentId, options: { token?: string; headers?: Record<string, string> } = {}, root = api.root) =>
  api.ask('POST', `${root}/environments/${environmentId}/migrations`, options)

/** Live, with this migration policy. */
async function deployed(mode = 'manual'): Promise<EnvironmentId> {
  const environmentId = await makeEnvironment(api, { serverIds })
  await api.database.sql`update services set config = jsonb_set(config, '{migration,mode}', to_jsonb(${mode}::text)) where environment_id = ${environmentId}`
  await release(api.database.db, environmentId)
  await api.database.sql`update operations set status = 'succeeded', finished_at = now() where target_id = ${environmentId}`
  return environmentId
}

describe('a migration by hand', () => {
  it('is an operation that holds what a deployment holds, and stands in the audit', async () => {
    const environmentId = await deployed()
    const { status, headers, body } = await migrate(environmentId)
    expect(status).toBe(202)
    expect(headers.get('location')).toBe(`${api.root}/operations/${String(body.id)}`)
    expect(body).toMatchObject({
      ...{ kind: 'migration_run', targetType: 'environment', targetId: environmentId },
      summary: expect.stringMatching(/^migrate production of shop-[0-9a-f]{8}$/),
    })
    const locks = await api.database.sql`select key, mode from operation_locks where operation_id = ${String(body.id)} order by mode, key`
    expect(locks.map(({ key, mode }) => `${mode} ${key}`)).toEqual([`exclusive environment/${environmentId}`, `shared server/${serverIds[0]}`])
    const [event] = await api.database.sql`select action, details from audit_events where target_id = ${environmentId} order by id desc limit 1`
    expect(event).toEqual({ action: 'environment.migration_requested', details: { operationId: body.id } })
  })

  it('is requested once by an Idempotency-Key, by a deployer and not by a viewer, and cancelled by a deployer, too', async () => {
    const environmentId = await deployed('auto')
    const headers = { 'idempotency-key': freeName('key') }
    const [first, second] = [await migrate(environmentId, { headers }), await migrate(environmentId, { headers })]
    expect(second.body).toEqual(first.body)
    const token = await api.tokenOf('deployer')
    const { status, body } = await migrate(environmentId, { token })
    expect([status, body.status]).toEqual([202, 'queued'])
    expect((await api.ask('POST', `${api.root}/operations/${String(body.id)}/cancel`, { token })).status).toBe(202)
    expect((await migrate(environmentId, { token: await api.tokenOf('viewer') })).status).toBe(403)
  })

  it.each([
    ['not_deployed', 'nothing is live', () => makeEnvironment(api, { serverIds }), 'Deploy it first'],
    ['migrations_disabled', 'its mode says so', () => deployed('disabled'), 'Set the mode to manual'],
  ] as const)('is refused as %s where %s, and nothing is stored', async (code, _, made, hint) => {
    const environmentId = await made()
    const before = await api.stored()
    const { body } = await migrate(environmentId)
    expect(body).toMatchObject({ status: 409, code, detail: expect.stringContaining(hint) })
    expect(await api.stored()).toEqual(before)
  })

  it('is a 404 from another organisation', async () => {
    const environmentId = await deployed()
    const stranger = await api.anotherOrganisation()
    expect((await migrate(environmentId, { token: stranger.token }, stranger.root)).body).toMatchObject({ status: 404, code: 'environment_not_found' })
  })
})
