import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EnvironmentId, ServerId, ServiceId } from '../../domain/ids.ts'
import { freeName, makeEnvironment, makeServer, makeService, type WithOperation } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverId: ServerId
let environmentId: EnvironmentId
let webId: string
let databaseId: ServiceId

interface ServiceBody {
  id: string
  name: string
  status: string
  placements: object[]
  desiredReplicas: number
  cpuLimit: number | null
  memoryLimitMb: number | null
  deployPolicy: string
  config: Record<string, unknown> & { queue: object }
}

const service = (id: string) => `${api.root}/services/${id}`
const change = (id: string, body: unknown) => api.ask<ServiceBody>('PATCH', service(id), { body })
const setStatus = (id: string, status: string) => api.database.sql`update services set status = ${status} where id = ${id}`
const webOf = async (id: EnvironmentId) => (await api.ask<{ items: ServiceBody[] }>('GET', `${api.root}/environments/${id}/services`)).body.items[0]!.id

beforeAll(async () => {
  api = await createTestApi()
  serverId = await makeServer(api)
  environmentId = await makeEnvironment(api, { serverIds: [serverId] })
  webId = await webOf(environmentId)
  databaseId = await makeService(api, 'postgres', serverId)
})
afterAll(() => api.close())

describe('a service', () => {
  it('has the defaults of its kind without that its user names any', async () => {
    expect((await api.ask('GET', service(webId))).body).toMatchObject({
      ...{ deployPolicy: 'with_environment', desiredReplicas: 1, placements: [{ serverId, count: 1 }], cpuLimit: null, memoryLimitMb: null },
    })
    expect((await api.ask('GET', service(databaseId))).body).toMatchObject({ deployPolicy: 'dependency_only', placements: [{ serverId, count: 1 }] })
  })

  it('is scaled, with limits of a place beside its own', async () => {
    const other = await makeServer(api)
    const placements = [{ serverId, count: 2, memoryLimitMb: null }, { serverId: other, cpuLimit: 1.5 }]
    const { status, body } = await change(webId, { placements, cpuLimit: 2, memoryLimitMb: 512 })
    expect(status).toBe(200)
    expect(body).toMatchObject({ desiredReplicas: 3, cpuLimit: 2, memoryLimitMb: 512 })
    const expected = [{ serverId, count: 2, memoryLimitMb: null }, { serverId: other, count: 1, cpuLimit: 1.5 }]
    expect(body.placements).toEqual(expect.arrayContaining(expected))
    expect((await change(webId, { memoryLimitMb: null })).body).toMatchObject({ cpuLimit: 2, memoryLimitMb: null, desiredReplicas: 3 })
    expect((await change(webId, { placements: [{ serverId }] })).body.placements).toEqual([{ serverId, count: 1 }])
  })

  it('for the web alone says what a deployment does once; what another one has of that by default may be sent back', async () => {
    const worker = await api.make<ServiceBody>(`${api.root}/environments/${environmentId}/services`, { name: freeName('jobs'), role: 'worker' })
    const commands = { preSwitchCommands: ['php artisan about'] }
    expect((await api.ask('PATCH', service(worker.id), { body: { config: commands } })).body).toMatchObject({ status: 422, errors: [{ field: 'config.preSwitchCommands' }] })
    expect((await change(worker.id, { config: worker.config })).status).toBe(200)
    expect((await change(webId, { config: commands })).body.config).toMatchObject(commands)
    expect((await change(webId, { config: { preSwitchCommands: [] } })).status).toBe(200)
  })

  it('takes a part of its settings, and keeps the others', async () => {
    const { body: before } = await change(webId, { config: { queue: { tries: 5 }, persistentPaths: ['storage/app', 'uploads'] } })
    const { body } = await change(webId, { config: { queue: { queues: ['high', 'low'] }, healthPath: '/health' } })
    expect(body.config).toEqual({ ...before.config, healthPath: '/health', queue: { ...before.config.queue, queues: ['high', 'low'], tries: 5 } })
  })

  it('is deployed on its own where its policy says so', async () => {
    const id = await webOf(await makeEnvironment(api))
    expect((await api.ask('POST', `${service(id)}/deployments`)).body).toMatchObject({ status: 409, code: 'deployed_with_environment' })
    expect((await change(id, { deployPolicy: 'manual' })).body).toMatchObject({ deployPolicy: 'manual' })
    const { status, body } = await api.ask<WithOperation['operation']>('POST', `${service(id)}/deployments`)
    expect([status, body.kind, body.targetId]).toEqual([202, 'service_deploy', id])
  })

  it('leaves an audit event and counts its revision', async () => {
    await change(webId, { allowPublic: true })
    const [event] = await api.database.sql`select action, details from audit_events where target_id = ${webId} order by created_at desc limit 1`
    expect(event).toEqual({ action: 'service.changed', details: { allowPublic: true } })
  })

  it.each([
    ['another name', { name: 'other' }, 'name', 'keeps its name'],
    ['another driver', { driver: 'valkey' }, 'driver', 'create another one'],
    ['another major version', { versionTrack: '19' }, 'versionTrack', 'not changed in place'],
    ['another server', { serverId: '01900000-0000-7000-8000-000000000000' }, 'serverId', 'does not move'],
    ['a server that is not there', { placements: [{ serverId: '01900000-0000-7000-8000-000000000000' }] }, 'placements[0].serverId', 'no such server'],
    ['no place at all', { placements: [] }, 'placements', 'stop the service'],
    ['a place without a replica', { placements: [{ serverId: 'SERVER', count: 0 }] }, 'placements[0].count', 'at least 1'],
    ['a place twice', { placements: [{ serverId: 'SERVER' }, { serverId: 'SERVER' }] }, 'placements', 'once'],
    ['a limit of nothing', { cpuLimit: 0 }, 'cpuLimit', 'more than 0'],
    ['too little memory', { placements: [{ serverId: 'SERVER', memoryLimitMb: 1 }] }, 'placements[0].memoryLimitMb', 'at least 6'],
    ['a policy of databases', { deployPolicy: 'dependency_only' }, 'deployPolicy', 'must be one of'],
    ['an unknown setting', { config: { nope: 1 } }, 'config.nope', 'not a known setting'],
    ['a setting of the wrong type', { config: { queue: { tries: 'many' } } }, 'config.queue.tries', 'a whole number'],
    ['an unknown field', { replicas: 2 }, 'replicas', 'not a known field'],
  ])('does not take %s, and says why', async (_, wish, field, reason) => {
    const before = await api.stored()
    const { body } = await api.ask('PATCH', service(webId), { body: JSON.stringify(wish).replaceAll('SERVER', serverId) })
    expect(body).toMatchObject({ status: 422, errors: [{ field, message: expect.stringContaining(reason) }] })
    expect(await api.stored()).toEqual(before)
  })

  it('that lives keeps the paths whose files are in volumes', async () => {
    await setStatus(webId, 'running')
    const { body } = await api.ask('PATCH', service(webId), { body: { config: { persistentPaths: ['storage/app'] } } })
    expect(body).toMatchObject({ status: 422, code: 'setting_fixed', errors: [{ field: 'config.persistentPaths', message: expect.stringContaining('uploads') }] })
    expect((await change(webId, { config: { persistentPaths: ['storage/app', 'uploads', 'more'] } })).status).toBe(200)
  })

  it('with data stays on its server, in one process', async () => {
    const other = await makeServer(api)
    for (const [placements, field] of [
      [[{ serverId: other }], 'placements[0].serverId'],
      [[{ serverId }, { serverId: other }], 'placements[1].serverId'],
      [[{ serverId, count: 2 }], 'placements[0].count'],
    ] as const) {
      expect((await api.ask('PATCH', service(databaseId), { body: { placements } })).body).toMatchObject({ status: 422, code: 'service_bound', errors: [{ field }] })
    }
    expect((await change(databaseId, { placements: [{ serverId, memoryLimitMb: 256 }] })).body.placements).toEqual([{ serverId, count: 1, memoryLimitMb: 256 }])
    expect((await api.ask('PATCH', service(databaseId), { body: { deployPolicy: 'manual' } })).body).toMatchObject({ status: 422, errors: [{ field: 'deployPolicy' }] })
  })
})

interface Changed extends WithOperation {
  interruption: { message: string; environments: string[] } | null
}

describe('stopping, starting and restarting', () => {
  const ask = (id: string, what: string, token = api.ownerToken) => api.ask<Changed & { code: string; status: number }>('POST', `${service(id)}/${what}`, { token })

  it('of a web service says that its routes answer 503, and of a restart that nobody notices', async () => {
    await setStatus(webId, 'running')
    const stopped = await ask(webId, 'stop')
    expect(stopped.body).toMatchObject({
      operation: { kind: 'service_stop', targetId: webId, summary: 'stop web' },
      interruption: { message: expect.stringContaining('503'), environments: [expect.stringMatching(/^production of shop-/)] },
    })
    expect((await ask(webId, 'restart')).body).toMatchObject({ operation: { kind: 'service_restart' }, interruption: null })
    const locks = await api.database.sql`select key, mode from operation_locks where operation_id = ${stopped.body.operation.id}`
    expect(locks).toEqual(expect.arrayContaining([{ key: `environment/${environmentId}`, mode: 'exclusive' }, { key: `service/${webId}`, mode: 'exclusive' }]))
  })

  it('of a database is a downtime, which the answer says', async () => {
    await setStatus(databaseId, 'running')
    expect((await ask(databaseId, 'restart')).body.interruption?.message).toMatch(/is away until its container has started again: requests and jobs that need it fail/)
    expect((await ask(databaseId, 'stop')).body.interruption?.message).toMatch(/is away until it is started again/)
  })

  it('is refused where there is nothing to stop, start or restart', async () => {
    const [fresh, stopped, builder] = [await makeService(api, 'valkey', serverId), await makeService(api, 'valkey', serverId), await makeService(api, 'buildkit', serverId)]
    await setStatus(stopped, 'stopped')
    await setStatus(builder, 'running')
    for (const what of ['stop', 'start', 'restart']) expect((await ask(fresh, what)).body).toMatchObject({ status: 409, code: 'service_not_deployed' })
    expect((await ask(stopped, 'restart')).body).toMatchObject({ status: 409, code: 'service_stopped' })
    expect((await api.ask('POST', `${service(stopped)}/deployments`)).body).toMatchObject({ status: 409, code: 'service_stopped' })
    expect((await ask(databaseId, 'start')).body).toMatchObject({ status: 409, code: 'service_not_stopped' })
    expect((await ask(builder, 'restart')).body).toMatchObject({ status: 409, code: 'nothing_to_restart' })
    expect((await ask(stopped, 'start')).body).toMatchObject({ operation: { kind: 'service_start' }, interruption: null })
  })

  it('needs the role, and is a 404 for others', async () => {
    const [deployer, viewer, other] = [await api.tokenOf('deployer'), await api.tokenOf('viewer'), await api.anotherOrganisation()]
    expect((await ask(databaseId, 'stop', deployer)).status).toBe(403)
    expect((await ask(databaseId, 'restart', deployer)).status).toBe(202)
    expect((await ask(databaseId, 'restart', viewer)).status).toBe(403)
    for (const what of ['stop', 'start', 'restart']) {
      expect((await api.ask('POST', `${other.root}/services/${databaseId}/${what}`, { token: other.token })).body).toMatchObject({ status: 404, code: 'service_not_found' })
    }
  })

  it('has one effect, however often it is sent', async () => {
    const id = await makeService(api, 'valkey', serverId)
    await setStatus(id, 'running')
    const headers = { 'idempotency-key': freeName('key') }
    const [once, again] = [await api.ask<Changed>('POST', `${service(id)}/restart`, { headers }), await api.ask<Changed>('POST', `${service(id)}/restart`, { headers })]
    expect(again.body.operation.id).toBe(once.body.operation.id)
  })
})

it('shows its replicas with the limits that they really have', async () => {
  const id = await makeService(api, 'valkey', serverId)
  await api.database.sql`
    insert into service_replicas (service_id, server_id, role, container_name, container_id, image_digest, internal_host, internal_port, status, config_hash,
      cpu_limit, memory_limit_mb, running_cpu_limit, running_memory_limit_mb)
    values (${id}, ${serverId}, 'server', 'cache-1', 'abc', 'valkey@sha256:1', 'cache', 6379, 'running', '', 0.5, null, 0.5, null)`
  const { body } = await api.ask('GET', `${service(id)}/replicas`)
  expect(body).toMatchObject({
    items: [{ containerName: 'cache-1', cpuLimit: 0.5, memoryLimitMb: null, running: { cpuLimit: 0.5, memoryLimitMb: null }, server: { id: serverId } }],
    nextCursor: null,
  })
})
