import { eq, inArray } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { takeTurn } from '../../db/builds.ts'
import { newId } from '../../db/ids.ts'
import { operations, registries, servers, services } from '../../db/schema/index.ts'
import type { EnvironmentId, OperationId, RegistryId, ServerId, ServiceId } from '../../domain/ids.ts'
import { openGitHost, type GitHost } from './git-host.ts'
import { freeName, makeEnvironment, makeReadableApplication, makeServer, makeService } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let host: GitHost
let builderServer: ServerId
let builderServiceId: ServiceId

beforeAll(async () => {
  api = await createTestApi()
  host = await openGitHost()
  builderServer = await makeServer(api)
  builderServiceId = await makeService(api, 'buildkit', builderServer)
})
afterAll(() => Promise.all([api.close(), host.close()]))

const change = (environmentId: EnvironmentId, body: object) =>
  api.ask<Record<string, unknown>>('PATCH', `${api.root}/environments/${environmentId}`, { body })

const deployments = (environmentId: EnvironmentId) => `${api.root}/environments/${environmentId}/deployments`

/** Refused, and nothing is changed. */
async function refused(method: string, path: string, body: object) {
  const before = await api.stored()
  const answer = await api.ask(method, path, { body })
  expect(await api.stored()).toEqual(before)
  return answer.body
}

async function deployable(serverIds: ServerId[]): Promise<EnvironmentId> {
  return makeEnvironment(api, { applicationId: await makeReadableApplication(api, host), serverIds })
}

async function makeRegistry(): Promise<RegistryId> {
  const id = newId<RegistryId>()
  const { organisationId } = api
  await api.database.db.insert(registries).values({ id, organisationId, name: freeName('registry'), type: 'generic', url: 'https://registry.example.com', insecure: 'no', use: 'push' })
  return id
}

describe('a builder', () => {
  it('is a service of its own, with one slot unless it is given more', async () => {
    const { body } = await api.ask<{ category: string; config: object }>('GET', `${api.root}/services/${builderServiceId}`)
    expect(body).toMatchObject({ category: 'builder', config: { slots: 1 }, processRoles: [] })
    const wish = { driver: 'buildkit', name: freeName('builder'), serverId: builderServer }
    expect(await refused('POST', `${api.root}/services`, { ...wish, config: { slots: 0 } })).toMatchObject({ status: 422, errors: [{ field: 'config.slots' }] })
    expect((await api.make<{ service: object }>(`${api.root}/services`, { ...wish, config: { slots: 3 } })).service).toMatchObject({ config: { slots: 3 } })
  })

  it('shows what it works on and what waits for it', async () => {
    const environmentId = await deployable([await makeServer(api)])
    const started = await Promise.all([1, 2].map(async () => (await api.make<{ id: OperationId }>(deployments(environmentId))).id))
    for (const operationId of started) await api.database.db.transaction((tx) => takeTurn(tx, { operationId, builderServiceId, slots: 1 }))
    const path = `${api.root}/services/${builderServiceId}/builds`
    expect((await api.ask('GET', path)).body).toMatchObject({
      slots: 1,
      items: [
        { operationId: started[0], environmentId, environment: 'production', state: 'building', ahead: 0 },
        { operationId: started[1], state: 'waiting', ahead: 1 },
      ],
    })
    await api.database.db.update(operations).set({ status: 'cancelled', finishedAt: new Date() }).where(eq(operations.id, started[0]!))
    expect((await api.ask<{ items: object[] }>('GET', path)).body.items).toMatchObject([{ operationId: started[1], state: 'building' }])
    const database = await makeService(api, 'postgres', builderServer)
    expect((await api.ask('GET', `${api.root}/services/${database}/builds`)).body).toMatchObject({ status: 404, code: 'builder_not_found' })
  })
})

describe('an environment', () => {
  it('is built by its own server, by a builder or by nobody; what belongs to another strategy goes with it', async () => {
    const environmentId = await makeEnvironment(api)
    expect((await api.ask('GET', `${api.root}/environments/${environmentId}`)).body).toMatchObject({ buildStrategy: 'target_server', builderServiceId: null, image: null })
    expect((await change(environmentId, { buildStrategy: 'dedicated_builder', builderServiceId })).body).toMatchObject({ builderServiceId, image: null })
    expect((await change(environmentId, { schedulerMode: 'single' })).body).toMatchObject({ buildStrategy: 'dedicated_builder', builderServiceId })
    const image = 'ghcr.io/team/shop:stable'
    expect((await change(environmentId, { buildStrategy: 'external_registry', image })).body).toMatchObject({ builderServiceId: null, image })
    expect((await change(environmentId, { buildStrategy: 'target_server' })).body).toMatchObject({ builderServiceId: null, image: null })
  })

  it.each<[object, string]>([
    [{ buildStrategy: 'dedicated_builder' }, 'builderServiceId'],
    [{ buildStrategy: 'dedicated_builder', builderServiceId: '0198c000-0000-7000-8000-000000000000' }, 'builderServiceId'],
    [{ builderServiceId: '0198c000-0000-7000-8000-000000000000' }, 'builderServiceId'],
    [{ image: 'ghcr.io/team/shop:1' }, 'image'],
    [{ buildStrategy: 'external_registry', image: 'NO IMAGE' }, 'image'],
    [{ buildStrategy: 'kaniko' }, 'buildStrategy'],
  ])('refuses %j', async (body, field) => {
    const environmentId = await makeEnvironment(api)
    expect(await refused('PATCH', `${api.root}/environments/${environmentId}`, body)).toMatchObject({ status: 422, errors: [{ field }] })
  })

  it('takes no database for a builder', async () => {
    const database = await makeService(api, 'postgres', builderServer)
    const body = { buildStrategy: 'dedicated_builder', builderServiceId: database }
    expect(await refused('PATCH', `${api.root}/environments/${await makeEnvironment(api)}`, body)).toMatchObject({ status: 422, errors: [{ field: 'builderServiceId' }] })
  })

  it('with a builder needs a registry, a builder that is ready, and servers like the builder', async () => {
    const environmentId = await deployable([await makeServer(api)])
    await change(environmentId, { buildStrategy: 'dedicated_builder', builderServiceId })
    expect(await refused('POST', deployments(environmentId), {})).toMatchObject({ status: 422, code: 'registry_required' })
    await change(environmentId, { registryId: await makeRegistry() })
    const { db } = api.database
    await db.update(services).set({ status: 'failed' }).where(eq(services.id, builderServiceId))
    expect(await refused('POST', deployments(environmentId), {})).toMatchObject({ status: 409, code: 'builder_not_ready' })
    await db.update(services).set({ status: 'running' }).where(eq(services.id, builderServiceId))
    expect((await api.ask('POST', deployments(environmentId), { body: {} })).status).toBe(202)

    const other = await makeServer(api)
    await db.update(servers).set({ architecture: 'arm64' }).where(eq(servers.id, other))
    await db.update(servers).set({ architecture: 'amd64' }).where(eq(servers.id, builderServer))
    const elsewhere = await deployable([other])
    await change(elsewhere, { buildStrategy: 'dedicated_builder', builderServiceId, registryId: await makeRegistry() })
    expect(await refused('POST', deployments(elsewhere), {})).toMatchObject({ status: 422, code: 'mixed_architectures', detail: expect.stringContaining('config.platforms') })
  })

  it('goes to servers of both kinds where the builder builds for both', async () => {
    const { db } = api.database
    const [amd64, arm64] = [await makeServer(api), await makeServer(api)]
    await db.update(servers).set({ architecture: 'arm64' }).where(eq(servers.id, arm64))
    await db.update(servers).set({ architecture: 'amd64' }).where(inArray(servers.id, [amd64, builderServer]))
    const both = await deployable([amd64, arm64])
    const builderFor = async (...platforms: string[]) => {
      const wish = { driver: 'buildkit', name: freeName('builder'), serverId: builderServer, config: { platforms } }
      const { service } = await api.make<{ service: { id: string } }>(`${api.root}/services`, wish)
      await change(both, { buildStrategy: 'dedicated_builder', builderServiceId: service.id, registryId: await makeRegistry() })
    }
    await builderFor('linux/arm64')
    expect(await refused('POST', deployments(both), {})).toMatchObject({ status: 422, code: 'mixed_architectures' })
    await builderFor('linux/amd64', 'linux/arm64')
    expect((await api.ask('POST', deployments(both), { body: {} })).status).toBe(202)
    const unknown = { driver: 'buildkit', name: freeName('builder'), serverId: builderServer, config: { platforms: ['windows/amd64'] } }
    expect(await refused('POST', `${api.root}/services`, unknown)).toMatchObject({ status: 422, errors: [{ field: 'config.platforms[0]' }] })
  })
})
