import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freeName, makeApplication, makeEnvironment, makeServer } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let applicationId: string
let serverId: string

beforeAll(async () => {
  api = await createTestApi()
  applicationId = await makeApplication(api)
  serverId = await makeServer(api)
})
afterAll(() => api.close())

interface Service {
  id: string
  name: string
  processRoles: string[]
  serverIds: string[]
  config: Record<string, unknown>
}

const ofApplication = () => `${api.root}/applications/${applicationId}/environments`
const below = (id: string, what: string) => `${api.root}/environments/${id}/${what}`
const servicesOf = async (id: string) => (await api.ask<{ items: Service[] }>('GET', below(id, 'services'))).body.items

describe('an environment', () => {
  it('starts with one web service that also ticks, on the named servers, and no worker', async () => {
    const wish = { name: freeName('env'), serverIds: [serverId], phpVersion: '8.3', web: { drainWindowSeconds: 5 } }
    const { status, body } = await api.ask<Record<string, unknown>>('POST', ofApplication(), { body: wish })
    expect(status).toBe(201)
    expect(body).toMatchObject({ applicationId, name: wish.name, branch: 'main', status: 'new', schedulerEnabled: true, schedulerMode: 'single' })
    expect(body.buildConfig).toMatchObject({ phpVersion: '8.3', documentRoot: 'public' })
    const services = await servicesOf(String(body.id))
    expect(services).toMatchObject([{ name: 'web', processRoles: ['web'], serverIds: [serverId], config: { drainWindowSeconds: 5, healthPath: '/up' } }])
    expect(body.schedulerTargetServiceId).toBe(services[0]!.id)
    expect((await api.ask('GET', `${api.root}/environments/${String(body.id)}`)).body).toEqual(body)
    const list = await api.ask<{ items: unknown[] }>('GET', `${api.root}/environments?applicationId=${applicationId}`)
    expect(list.body.items).toContainEqual(body)
    expect((await api.ask('GET', `${api.root}/environments?applicationId=${await makeApplication(api)}`)).body).toEqual({ items: [], nextCursor: null })
  })

  it.each([
    ['a server that is not there', { serverIds: ['01900000-0000-7000-8000-000000000000'] }, 'serverIds[0]', 'unknown_server'],
    ['a server id that is none', { serverIds: ['first'] }, 'serverIds[0]', 'invalid_input'],
    ['a version of PHP that is none', { phpVersion: 'latest' }, 'phpVersion', 'invalid_input'],
    ['an unknown build setting', { build: { phpVersoin: '8.4' } }, 'build.phpVersoin', 'invalid_input'],
    ['a document root outside', { build: { documentRoot: '../..' } }, 'build.documentRoot', 'invalid_input'],
    ['a health path that is none', { web: { healthPath: 'up' } }, 'web.healthPath', 'invalid_input'],
    ['an unknown nested setting', { web: { migration: { comand: 'x' } } }, 'web.migration.comand', 'invalid_input'],
    ['an empty command', { web: { preSwitchCommands: ['php artisan about', ' '] } }, 'web.preSwitchCommands[1]', 'invalid_input'],
    ['a migration at another time', { web: { migration: { timing: 'later' } } }, 'web.migration.timing', 'invalid_input'],
    ['a scheduler mode that is none', { schedulerMode: 'double' }, 'schedulerMode', 'invalid_input'],
    ['a truth that is a text', { schedulerEnabled: 'yes' }, 'schedulerEnabled', 'invalid_input'],
    ['a name with a dot', { name: 'v1.2' }, 'name', 'invalid_input'],
    ['servers that are one text', { serverIds: 'all' }, 'serverIds', 'invalid_input'],
  ])('does not take %s', async (_, overrides, field, code) => {
    const before = await api.stored()
    const { body } = await api.ask('POST', ofApplication(), { body: { name: freeName('env'), ...overrides } })
    expect(body).toMatchObject({ status: 422, code, errors: [{ field }] })
    expect(await api.stored()).toEqual(before)
  })

  it('takes no server of another organisation, and no server twice', async () => {
    const other = await api.anotherOrganisation()
    const theirs = await api.ask<{ id: string }>('POST', `${other.root}/applications`, {
      token: other.token,
      body: { name: 'theirs', repositoryUrl: 'git@git.example.com:a.git', repositoryType: 'generic' },
    })
    const foreign = await api.ask('POST', `${other.root}/applications/${theirs.body.id}/environments`, {
      token: other.token,
      body: { name: 'production', serverIds: [serverId] },
    })
    expect(foreign.body).toMatchObject({ status: 422, code: 'unknown_server', errors: [{ field: 'serverIds[0]' }] })
    const twice = await api.ask('POST', ofApplication(), { body: { name: freeName('env'), serverIds: [serverId, serverId.toUpperCase()] } })
    expect(twice.body).toMatchObject({ status: 422, errors: [{ field: 'serverIds' }] })
  })

  it('has its scheduler where and how it is wished', async () => {
    const id = await makeEnvironment(api, { serverIds: [serverId] })
    const path = `${api.root}/environments/${id}`
    const worker = await api.make<Service>(below(id, 'services'), { name: 'jobs', role: 'worker' })
    const wish = { schedulerTargetServiceId: worker.id, schedulerMode: 'every_replica' }
    expect(await api.ask('PATCH', path, { body: wish })).toMatchObject({ status: 200, body: { ...wish, id, schedulerEnabled: true } })
    expect(await api.ask('PATCH', path, { body: { schedulerEnabled: false } })).toMatchObject({ status: 200, body: { ...wish, schedulerEnabled: false } })
    expect((await api.ask('GET', path)).body).toMatchObject({ ...wish, schedulerEnabled: false })
  })

  it('rolls out on all servers at once, or on so many as it is told', async () => {
    const id = await makeEnvironment(api)
    const path = `${api.root}/environments/${id}`
    expect((await api.ask('GET', path)).body).toMatchObject({ rolloutBatchSize: null })
    expect((await api.ask('PATCH', path, { body: { rolloutBatchSize: 2 } })).body).toMatchObject({ id, rolloutBatchSize: 2 })
    expect((await api.ask('PATCH', path, { body: { rolloutBatchSize: null } })).body).toMatchObject({ id, rolloutBatchSize: null })
  })

  it.each([
    ['a mode that is none', { schedulerMode: 'double' }, 'schedulerMode'],
    ['a batch of no server', { rolloutBatchSize: 0 }, 'rolloutBatchSize'],
    ['what is no setting of the scheduler', { status: 'active' }, undefined],
  ])('refuses a change of %s', async (_, body, field) => {
    const id = await makeEnvironment(api)
    const before = await api.stored()
    const refused = await api.ask('PATCH', `${api.root}/environments/${id}`, { body })
    expect(refused.body).toMatchObject({ status: 422, code: 'invalid_input', ...(field ? { errors: [{ field }] } : {}) })
    expect(await api.stored()).toEqual(before)
  })

  it('has no scheduler on a service that is not its own, or neither web nor worker', async () => {
    const id = await makeEnvironment(api, { serverIds: [serverId] })
    const socket = await api.make<Service>(below(id, 'services'), { name: 'sockets', role: 'websocket' })
    const elsewhere = await servicesOf(await makeEnvironment(api, { serverIds: [serverId] }))
    const before = await api.stored()
    for (const schedulerTargetServiceId of [socket.id, elsewhere[0]!.id, id]) {
      const refused = await api.ask('PATCH', `${api.root}/environments/${id}`, { body: { schedulerTargetServiceId } })
      expect(refused.body).toMatchObject({ status: 422, errors: [{ field: 'schedulerTargetServiceId' }] })
    }
    expect(await api.stored()).toEqual(before)
  })

  it('has a name of its own within its application', async () => {
    const name = freeName('env')
    await api.make(ofApplication(), { name })
    const before = await api.stored()
    expect((await api.ask('POST', ofApplication(), { body: { name } })).body).toMatchObject({ status: 409, errors: [{ field: 'name' }] })
    expect(await api.stored()).toEqual(before)
    await api.make(`${api.root}/applications/${await makeApplication(api)}/environments`, { name })
  })

  it('is a 404 from another organisation, with everything below it', async () => {
    const id = await makeEnvironment(api)
    const other = await api.anotherOrganisation()
    for (const what of ['', '/services', '/attachments', '/routes', '/variables']) {
      const { body } = await api.ask('GET', `${other.root}/environments/${id}${what}`, { token: other.token })
      expect(body).toMatchObject({ status: 404, code: 'environment_not_found' })
    }
  })
})

describe('a service of an environment', () => {
  it('is a worker on the only server', async () => {
    const id = await makeEnvironment(api, { serverIds: [serverId] })
    const worker = await api.make<Service>(below(id, 'services'), { name: 'jobs', role: 'worker', config: { queue: { queues: ['mail'] } }, memoryLimitMb: 256 })
    expect(worker).toMatchObject({ environmentId: id, driver: 'laravel', processRoles: ['worker'], serverIds: [serverId], memoryLimitMb: 256 })
    expect(worker.config).toMatchObject({ queue: { queues: ['mail'], tries: 3 } })
    expect((await servicesOf(id)).map(({ name }) => name)).toEqual(['jobs', 'web'])
    const again = await api.ask('POST', `${api.root}/services/${worker.id}/deployments`)
    expect(again.body).toMatchObject({ status: 409, code: 'deployed_with_environment' })
  })

  it('says where it runs when there are several servers or none', async () => {
    const both = await makeEnvironment(api, { serverIds: [serverId, await makeServer(api)] })
    const none = await makeEnvironment(api, { serverIds: [] })
    for (const id of [both, none]) {
      expect((await api.ask('POST', below(id, 'services'), { body: { name: 'jobs', role: 'worker' } })).body).toMatchObject({ status: 422, errors: [{ field: 'serverId' }] })
      await api.make(below(id, 'services'), { name: 'jobs', role: 'worker', serverId })
    }
  })

  it.each([
    ['the role web', { role: 'web' }, 'role'],
    ['a queue that looks like an option', { config: { queue: { queues: ['--once x'] } } }, 'config.queue.queues[0]'],
    ['what a deployment does once', { config: { preSwitchCommands: ['php artisan about'] } }, 'config.preSwitchCommands'],
    ['no process at all', { config: { queue: { processes: 0 } } }, 'config.queue.processes'],
    ['a limit of no memory', { memoryLimitMb: 0 }, 'memoryLimitMb'],
    ['a negative number of CPUs', { cpuLimit: -1 }, 'cpuLimit'],
    ['more CPUs than a number is', { cpuLimit: '2' }, 'cpuLimit'],
  ])('does not take %s', async (_, overrides, field) => {
    const id = await makeEnvironment(api, { serverIds: [serverId] })
    const before = await api.stored()
    const { body } = await api.ask('POST', below(id, 'services'), { body: { name: 'jobs', role: 'worker', ...overrides } })
    expect(body).toMatchObject({ status: 422, code: 'invalid_input', errors: [{ field }] })
    expect(await api.stored()).toEqual(before)
  })
})
