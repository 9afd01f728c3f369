import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { servers } from '../../db/schema/index.ts'
import type { EnvironmentId, ServerId } from '../../domain/ids.ts'
import { type ImageRegistry, openImageRegistry } from './image-registry.ts'
import { freeName, makeEnvironment, makeServer } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let registry: ImageRegistry
let serverId: ServerId
let environmentId: EnvironmentId
const revision = 'c'.repeat(40)

beforeAll(async () => {
  api = await createTestApi()
  registry = await openImageRegistry()
  serverId = await makeServer(api)
  await api.database.db.update(servers).set({ architecture: 'amd64' }).where(eq(servers.id, serverId))
  await api.make(`${api.root}/registries`, { name: freeName('registry'), type: 'generic', url: registry.url, insecure: 'plain_http', use: 'pull' })
  environmentId = await makeEnvironment(api, { serverIds: [serverId] })
  await change({ buildStrategy: 'external_registry' })
})
beforeEach(() => void (registry.store = null))
afterAll(async () => {
  await api.close()
  registry.close()
})

interface Started {
  input: { image: string; named: string; commit: string | null }
  summary: string
}

const change = (body: object) => api.ask('PATCH', `${api.root}/environments/${environmentId}`, { body })
const deploy = (body: object) => api.ask<Started>('POST', `${api.root}/environments/${environmentId}/deployments`, { body })
const named = (repository: string, tag = '1.4') => `${registry.host}/${repository}:${tag}`

/** Refused, and nothing is started. */
async function refused(body: object) {
  const before = await api.stored()
  const answer = await api.ask('POST', `${api.root}/environments/${environmentId}/deployments`, { body })
  expect(await api.stored()).toEqual(before)
  return answer.body
}

describe('an image that was built elsewhere', () => {
  it('is deployed by the digest that its tag has at this moment, with the commit that it says it was made from', async () => {
    const digest = registry.put('team/shop', '1.4', { architectures: ['amd64'], labels: { 'org.opencontainers.image.revision': revision } })
    const { status, body } = await deploy({ image: named('team/shop') })
    expect(status).toBe(202)
    expect(body.input).toEqual({ image: `${registry.host}/team/shop@${digest}`, named: named('team/shop'), commit: revision })
    expect(body.summary).toMatch(new RegExp(` @ ${named('team/shop')}$`))
    expect((await deploy({ image: `${registry.host}/team/shop@${digest}` })).body.input.image).toBe(body.input.image)
  })

  it('is the one that the environment names unless a deployment names another', async () => {
    registry.put('team/shop', 'stable', { architectures: ['amd64'], labels: { 'org.opencontainers.image.revision': 'main' } })
    expect(await refused({})).toMatchObject({ status: 422, errors: [{ field: 'image' }] })
    await change({ image: named('team/shop', 'stable') })
    expect((await deploy({})).body.input).toMatchObject({ named: named('team/shop', 'stable'), commit: null })
  })

  it('may be for several platforms, and is refused where it is for none of a server', async () => {
    const digest = registry.put('team/multi', '1.4', { architectures: ['arm64', 'amd64'], labels: { 'org.opencontainers.image.revision': revision } })
    expect((await deploy({ image: named('team/multi') })).body.input).toMatchObject({ image: `${registry.host}/team/multi@${digest}`, commit: revision })
    registry.put('team/arm', '1.4', { architectures: ['arm64'] })
    const answer = await refused({ image: named('team/arm') })
    expect(answer).toMatchObject({ status: 422, code: 'platform_missing', errors: [{ field: 'image' }] })
    expect(answer.detail).toContain('linux/arm64')
  })

  it('is described by a store elsewhere, where the registry sends us there', async () => {
    const store = await openImageRegistry()
    const image = { architectures: ['amd64'], labels: { 'org.opencontainers.image.revision': revision } }
    registry.put('team/stored', '1.4', image)
    store.put('team/stored', '1.4', image)
    registry.store = store.url
    expect((await deploy({ image: named('team/stored') })).body.input.commit).toBe(revision)
    store.close()
  })

  it.each([
    [{ image: 'no image' }, 'invalid_image_reference', 'image'],
    [{ branch: 'main' }, 'invalid_input', 'branch'],
    [{ commit: revision }, 'invalid_input', 'commit'],
  ])('refuses %j', async (body, code, field) => {
    expect(await refused(body)).toMatchObject({ status: 422, code, errors: [{ field }] })
  })

  it('that the registry does not have is refused by its name', async () => {
    const answer = await refused({ image: named('team/gone') })
    expect(answer).toMatchObject({ status: 422, code: 'image_not_found', errors: [{ field: 'image' }] })
    expect(answer.detail).toContain('team/gone:1.4')
  })
})
