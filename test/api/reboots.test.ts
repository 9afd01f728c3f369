import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ServerId, ServiceId } from '../../domain/ids.ts'
import { makeServer, makeService } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverId: ServerId

beforeAll(async () => {
  api = await createTestApi()
})
beforeEach(async () => {
  serverId = await makeServer(api)
  await api.database.sql`update servers set status = 'active', architecture = 'amd64' where id = ${serverId}`
})
afterAll(() => api.close())

interface Requested {
  id: string
  input: object
}

const reboot = (body?: object) => api.ask<Requested>('POST', `${api.root}/servers/${serverId}/reboot`, body ? { body } : {})

/** A database that runs there. */
async function runs(): Promise<ServiceId> {
  const id = await makeService(api, 'postgres', serverId)
  await api.database.sql`
    insert into service_replicas (id, service_id, server_id, role, container_name, image_digest, internal_host, internal_port, status, config_hash)
    values (gen_random_uuid(), ${id}, ${serverId}, 'server', ${`c-${id}`}, '-', 'host', 5432, 'running', '-')`
  return id
}

describe('the reboot of a server', () => {
  it('that serves nothing alone is requested without further words', async () => {
    const { status, body } = await reboot()
    expect(status).toBe(202)
    expect(body).toMatchObject({ kind: 'server_reboot', targetType: 'server', targetId: serverId, input: { acknowledgeDowntime: false } })
    const locks = await api.database.sql`select key, mode from operation_locks where operation_id = ${body.id}`
    expect(locks).toEqual([{ key: `server/${serverId}`, mode: 'exclusive' }])
  })

  it('that alone serves something is refused with what nobody reaches then, unless that is acknowledged', async () => {
    const id = await runs()
    const [service] = await api.database.sql`select name from services where id = ${id}`
    const before = await api.stored()
    expect((await reboot()).body).toMatchObject({
      ...{ status: 422, code: 'acknowledgement_required', detail: expect.stringContaining(`nobody reaches ${service!.name}`) },
      errors: [{ field: 'acknowledgeDowntime', message: expect.stringContaining('set it to true') }],
    })
    expect(await api.stored()).toEqual(before)
    const { status, body } = await reboot({ acknowledgeDowntime: true })
    expect([status, body.input]).toEqual([202, { acknowledgeDowntime: true }])
  })

  it('that is not ready, or is not there, is refused', async () => {
    await api.database.sql`update servers set status = 'failed' where id = ${serverId}`
    expect((await reboot()).body).toMatchObject({ status: 409, code: 'server_not_ready' })
    await api.database.sql`update servers set status = 'removing' where id = ${serverId}`
    expect((await reboot()).body).toMatchObject({ status: 409, code: 'server_removing' })
    await api.database.sql`update servers set status = 'removed' where id = ${serverId}`
    expect((await reboot()).status).toBe(404)
  })

  it('is asked for again with the same locks', async () => {
    const { body } = await reboot()
    await api.database.sql`update operations set status = 'failed', finished_at = now(), failure = '{"code":"server_not_back","message":"-"}' where id = ${body.id}`
    const again = await api.ask<Requested>('POST', `${api.root}/operations/${body.id}/retry`)
    expect(again.status).toBe(202)
    const locks = await api.database.sql`select key from operation_locks where operation_id = ${again.body.id}`
    expect(locks).toEqual([{ key: `server/${serverId}` }])
  })
})
