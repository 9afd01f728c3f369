import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EnvironmentId } from '../../domain/ids.ts'
import { release } from '../db/rows.ts'
import { freeName, makeEnvironment, makeServer, makeService } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverId: Awaited<ReturnType<typeof makeServer>>

beforeAll(async () => {
  api = await createTestApi()
  serverId = await makeServer(api)
})
afterAll(() => api.close())

interface Options {
  token?: string
  headers?: Record<string, string>
}

const about = { command: 'php artisan about' }
const run = (environmentId: EnvironmentId, body: unknown = about, options: Options = {}, root = api.root) =>
  api.ask('POST', `${root}/environments/${environmentId}/commands`, { ...options, body })

async function deployed(): Promise<EnvironmentId> {
  const environmentId = await makeEnvironment(api, { serverIds: [serverId] })
  await release(api.database.db, environmentId)
  await api.database.sql`update operations set status = 'succeeded', finished_at = now() where target_id = ${environmentId}`
  return environmentId
}

describe('a command by hand', () => {
  it('is an operation that holds what a deployment holds, and stands in the audit with what was run', async () => {
    const environmentId = await deployed()
    const { status, headers, body } = await run(environmentId)
    expect(status).toBe(202)
    expect(headers.get('location')).toBe(`${api.root}/operations/${String(body.id)}`)
    expect(body).toMatchObject({
      ...{ kind: 'command_run', targetType: 'environment', targetId: environmentId, input: about },
      summary: expect.stringMatching(/^run php artisan about in production of shop-[0-9a-f]{8}$/),
    })
    const locks = await api.database.sql`select key, mode from operation_locks where operation_id = ${String(body.id)} order by mode, key`
    expect(locks.map(({ key, mode }) => `${mode} ${key}`)).toEqual([`exclusive environment/${environmentId}`, `shared server/${serverId}`])
    const [event] = await api.database.sql`select action, details from audit_events where target_id = ${environmentId} order by id desc limit 1`
    expect(event).toEqual({ action: 'environment.command_requested', details: { operationId: body.id, ...about } })
  })

  it('may be words that no shell looks at, of one of its services', async () => {
    const environmentId = await deployed()
    const [web] = await api.database.sql`select id from services where environment_id = ${environmentId}`
    const wish = { command: ['php', 'artisan', 'say', "it's  me"], serviceId: String(web?.id) }
    expect((await run(environmentId, wish)).body).toMatchObject({ kind: 'command_run', input: wish })
  })

  it('is requested once by an Idempotency-Key, and waits for the one before', async () => {
    const environmentId = await deployed()
    const headers = { 'idempotency-key': freeName('key') }
    const [first, second] = [await run(environmentId, about, { headers }), await run(environmentId, about, { headers })]
    expect(second.body).toEqual(first.body)
    expect((await run(environmentId)).body).toMatchObject({ status: 'queued' })
  })

  it('is run, cancelled and repeated by an admin, and not by a deployer', async () => {
    const environmentId = await deployed()
    const [admin, deployer] = [await api.tokenOf('admin'), await api.tokenOf('deployer')]
    expect((await run(environmentId, about, { token: deployer })).status).toBe(403)
    const { status, body } = await run(environmentId, about, { token: admin })
    expect(status).toBe(202)
    const operation = `${api.root}/operations/${String(body.id)}`
    expect((await api.ask('POST', `${operation}/cancel`, { token: deployer })).status).toBe(403)
    expect((await api.ask('POST', `${operation}/cancel`, { token: admin })).status).toBe(202)
    await api.database.sql`update operations set status = 'cancelled', finished_at = now() where id = ${String(body.id)}`
    expect((await api.ask('POST', `${operation}/retry`, { token: deployer })).status).toBe(403)
    const again = await api.ask('POST', `${operation}/retry`, { token: admin })
    expect(again.body).toMatchObject({ kind: 'command_run', input: about, retryOf: body.id })
  })

  it('is refused as not_deployed where nothing is live, and nothing is stored', async () => {
    const environmentId = await makeEnvironment(api, { serverIds: [serverId] })
    const before = await api.stored()
    expect((await run(environmentId)).body).toMatchObject({ status: 409, code: 'not_deployed', detail: expect.stringContaining('Deploy it first') })
    expect(await api.stored()).toEqual(before)
  })

  it.each([
    ['an empty line', { command: '  ' }, 'command'],
    ['no words', { command: [] }, 'command'],
    ['no program', { command: ['', 'x'] }, 'command'],
    ['too much', { command: Array(100).fill('x'.repeat(50)) }, 'command'],
    ['nothing', {}, 'command'],
    ['NUL', { command: 'echo \u0000' }, null],
  ] as const)('names what is wrong with %s', async (_, wish, field) => {
    const { body } = await run(await deployed(), wish)
    expect(body.status).toBe(422)
    if (field) expect(body.errors.map((error) => error.field.split('[')[0])).toContain(field)
  })

  it('names a service that is none of the environment', async () => {
    const serviceId = await makeService(api, 'valkey', serverId)
    expect((await run(await deployed(), { ...about, serviceId })).body).toMatchObject({ status: 422, code: 'unknown_service', errors: [{ field: 'serviceId' }] })
  })

  it('is a 404 from another organisation', async () => {
    const environmentId = await deployed()
    const stranger = await api.anotherOrganisation()
    expect((await run(environmentId, about, { token: stranger.token }, stranger.root)).body).toMatchObject({ status: 404, code: 'environment_not_found' })
  })
})
