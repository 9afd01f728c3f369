import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ServerId } from '../../domain/ids.ts'
import { makeServer, type WithOperation } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi

beforeAll(async () => {
  api = await createTestApi()
})
afterAll(() => api.close())

const ask = (id: string, what: string, token?: string) =>
  api.ask<WithOperation['operation']>('POST', `${api.root}/servers/${id}/${what}`, token === undefined ? {} : { token })

/** Made ready, as far as the rows say; what was to make it so has ended. */
async function readyServer(status = 'active'): Promise<ServerId> {
  const id = await makeServer(api)
  await api.database.sql`update servers set status = ${status}, architecture = 'amd64' where id = ${id}`
  await api.database.sql`update operations set status = 'succeeded', finished_at = now() where target_id = ${id}`
  return id
}

describe.each([
  ['harden', 'server_harden', 'harden server-'],
  ['rotate-key', 'server_key_rotation', 'rotate the key of server-'],
] as const)('%s', (what, kind, does) => {
  it('is an operation that has the server for itself', async () => {
    const id = await readyServer()
    const { status, body, headers } = await ask(id, what)
    expect([status, body]).toEqual([202, expect.objectContaining({ kind, targetId: id, status: 'pending', summary: expect.stringContaining(does) })])
    expect(headers.get('location')).toBe(`${api.root}/operations/${body.id}`)
    expect(await api.database.sql`select key, mode from operation_locks where operation_id = ${body.id}`).toEqual([{ key: `server/${id}`, mode: 'exclusive' }])
    const [event] = await api.database.sql`select action from audit_events where target_id = ${id} order by id desc limit 1`
    expect(event!.action).toMatch(/^server\.\w+_requested$/)
    expect((await ask(id, what)).body).toMatchObject({ kind, status: 'queued' })
  })

  it('is asked of a server that has not answered lately, too', async () => {
    expect((await ask(await readyServer('unreachable'), what)).status).toBe(202)
  })

  it.each(['new', 'provisioning', 'failed'])('is refused where a server is %s', async (status) => {
    const id = await readyServer(status)
    const before = await api.stored()
    expect((await ask(id, what)).body).toMatchObject({ status: 409, code: 'server_not_ready', detail: expect.stringContaining('Provision it first') })
    expect(await api.stored()).toEqual(before)
  })

  it('is an administrator\'s to ask for, of his own servers', async () => {
    const id = await readyServer()
    expect((await ask(id, what, await api.tokenOf('deployer'))).status).toBe(403)
    const other = await api.anotherOrganisation()
    const { body } = await api.ask('POST', `${other.root}/servers/${id}/${what}`, { token: other.token })
    expect(body).toMatchObject({ status: 404, code: 'server_not_found' })
  })
})
