import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EnvironmentId } from '../../domain/ids.ts'
import { release } from '../db/rows.ts'
import { freeName, makeApplication, makeEnvironment, makeServer, makeService } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverIds: string[]

beforeAll(async () => {
  api = await createTestApi()
  serverIds = [await makeServer(api)]
})
afterAll(() => api.close())

interface Release {
  id: string
  number: number
  status: string
  rolledBackToId: string | null
  rollbackRefusal: { code: string } | null
}

const below = (environmentId: string, what: string) => `${api.root}/environments/${environmentId}/${what}`
const rollBack = (environmentId: string, body: object = {}, options: { token?: string; headers?: Record<string, string> } = {}) =>
  api.ask('POST', below(environmentId, 'rollbacks'), { body, ...options })

/** Deployed as often as that, each time another image. */
async function deployed(times: number) {
  const environmentId = await makeEnvironment(api, { serverIds })
  const released = []
  for (let time = 0; time < times; time += 1) released.push(await release(api.database.db, environmentId))
  return { environmentId, released }
}

/** Refused, and nothing is started. */
async function refused(environmentId: EnvironmentId, body: object = {}) {
  const before = await api.stored()
  const answer = await rollBack(environmentId, body)
  expect(await api.stored()).toEqual(before)
  return answer.body
}

describe('releases', () => {
  it('are listed newest first, page by page, and say whether one can go back to them', async () => {
    const { environmentId, released } = await deployed(3)
    const first = await api.ask<{ items: Release[]; nextCursor: string }>('GET', below(environmentId, 'releases?limit=2'))
    const second = await api.ask<{ items: Release[]; nextCursor: null }>('GET', below(environmentId, `releases?limit=2&cursor=${first.body.nextCursor}`))
    expect([...first.body.items, ...second.body.items]).toMatchObject([
      { number: 3, status: 'successful', commit: 'a'.repeat(40), rollbackRefusal: { code: 'release_is_live' } },
      { number: 2, status: 'obsolete', rollbackRefusal: null },
      { number: 1, status: 'obsolete', rolledBackToId: null, operationId: released[0]!.operationId },
    ])
    expect(second.body.nextCursor).toBeNull()
    expect((await api.ask('GET', below(environmentId, `releases/${released[0]!.id}`))).body).toEqual(second.body.items[0])
  })

  it('are a 404 below another environment, and from another organisation', async () => {
    const [{ environmentId, released }, other] = [await deployed(1), await deployed(1)]
    const path = `releases/${released[0]!.id}`
    expect((await api.ask('GET', below(other.environmentId, path))).body).toMatchObject({ status: 404, code: 'release_not_found' })
    const stranger = await api.anotherOrganisation()
    for (const what of ['releases', path]) {
      const { body } = await api.ask('GET', `${stranger.root}/environments/${environmentId}/${what}`, { token: stranger.token })
      expect(body).toMatchObject({ status: 404, code: 'environment_not_found' })
    }
  })
})

describe('a rollback', () => {
  it('goes to the release before the live one, holds what a deployment holds, and stands in the audit', async () => {
    const { environmentId, released } = await deployed(3)
    const target = released[1]!
    const { status, headers, body } = await rollBack(environmentId)
    expect(status).toBe(202)
    expect(headers.get('location')).toBe(`${api.root}/operations/${String(body.id)}`)
    expect(body).toMatchObject({
      ...{ kind: 'environment_rollback', targetType: 'environment', targetId: environmentId, trigger: { by: 'api', actor: 'owner@localhost' } },
      input: { releaseId: target.id, commit: 'a'.repeat(40) },
      summary: expect.stringMatching(/^roll back production of shop-[0-9a-f]{8} to release 2 @ aaaaaaa$/),
    })
    const locks = await api.database.sql`select key, mode from operation_locks where operation_id = ${String(body.id)} order by mode, key`
    expect(locks.map(({ key, mode }) => `${mode} ${key}`)).toEqual([`exclusive environment/${environmentId}`, `shared server/${serverIds[0]}`])
    const [event] = await api.database.sql`select action, details from audit_events where target_id = ${environmentId} order by id desc limit 1`
    expect(event).toEqual({ action: 'environment.rollback_requested', details: { releaseId: target.id, number: 2, commit: 'a'.repeat(40) } })
  })

  it('goes to the release that is named, or to what that one had brought back', async () => {
    const { environmentId, released } = await deployed(3)
    const { db } = api.database
    const source = released[0]!
    const brought = await release(db, environmentId, { rolledBackToId: source.id, artifactId: source.artifactId })
    await release(db, environmentId)
    for (const id of [source.id, brought.id]) expect((await rollBack(environmentId, { releaseId: id })).body).toMatchObject({ input: { releaseId: source.id } })
  })

  it('is requested once by an Idempotency-Key, by a deployer and not by a viewer', async () => {
    const { environmentId } = await deployed(2)
    const headers = { 'idempotency-key': freeName('key') }
    const [first, second] = [await rollBack(environmentId, {}, { headers }), await rollBack(environmentId, {}, { headers })]
    expect(second.body).toEqual(first.body)
    expect((await rollBack(environmentId, {}, { token: await api.tokenOf('deployer') })).status).toBe(202)
    expect((await rollBack(environmentId, {}, { token: await api.tokenOf('viewer') })).status).toBe(403)
  })

  it('needs no builder, and no registry to store an image in', async () => {
    const { environmentId } = await deployed(2)
    const builder = await makeService(api, 'buildkit', await makeServer(api))
    await api.database.sql`update services set status = 'failed' where id = ${builder}`
    await api.ask('PATCH', `${api.root}/environments/${environmentId}`, { body: { buildStrategy: 'dedicated_builder', builderServiceId: builder } })
    expect((await rollBack(environmentId)).status).toBe(202)
  })

  it('may be cancelled and repeated by a deployer', async () => {
    const { environmentId } = await deployed(2)
    const token = await api.tokenOf('deployer')
    const { body: operation } = await rollBack(environmentId, {}, { token })
    const path = `${api.root}/operations/${String(operation.id)}`
    expect((await api.ask('POST', `${path}/cancel`, { token })).status).toBe(202)
    await api.database.sql`update operations set status = 'cancelled', finished_at = now() where id = ${String(operation.id)}`
    expect((await api.ask('POST', `${path}/retry`, { token })).body).toMatchObject({ kind: 'environment_rollback', input: operation.input })
  })
})

describe('a rollback is refused', () => {
  it('where nothing was live before', async () => {
    for (const times of [0, 1]) {
      const { environmentId } = await deployed(times)
      expect(await refused(environmentId)).toMatchObject({ status: 409, code: 'no_earlier_release' })
    }
  })

  it('to what is live', async () => {
    const { environmentId, released } = await deployed(2)
    expect(await refused(environmentId, { releaseId: released[1]!.id })).toMatchObject({ status: 409, code: 'release_is_live' })
  })

  it('to a release of another environment', async () => {
    const [{ environmentId }, other] = [await deployed(2), await deployed(1)]
    expect(await refused(environmentId, { releaseId: other.released[0]!.id })).toMatchObject({ status: 404, code: 'release_not_found' })
  })

  it('to what was never live', async () => {
    const { environmentId, released } = await deployed(2)
    await api.database.sql`update releases set status = 'failed' where id = ${released[0]!.id}`
    expect(await refused(environmentId, { releaseId: released[0]!.id })).toMatchObject({ status: 409, code: 'release_never_live' })
  })

  it.each([
    ['was discarded', (artifactId: string) => api.database.sql`update build_artifacts set status = 'discarded' where id = ${artifactId}`],
    ['belongs to a release that is not kept', (artifactId: string) => api.database.sql`update releases set pruned_at = now() where artifact_id = ${artifactId}`],
  ])('where the image %s, naming the commit to deploy instead', async (_, lose) => {
    const { environmentId, released } = await deployed(2)
    await lose(released[0]!.artifactId)
    const body = await refused(environmentId)
    expect(body).toMatchObject({ status: 409, code: 'image_gone' })
    expect(body.detail).toContain(`Deploy commit ${'a'.repeat(40)} instead`)
  })

  it('with an id that is none, and an unknown field', async () => {
    const { environmentId } = await deployed(2)
    expect(await refused(environmentId, { releaseId: 'v2' })).toMatchObject({ status: 422, errors: [{ field: 'releaseId' }] })
    expect(await refused(environmentId, { release: 2 })).toMatchObject({ status: 422, errors: [{ field: 'release' }] })
  })
})

describe('the number of releases that are kept', () => {
  it('is five, another one from the beginning, or changed later by an admin', async () => {
    const environmentId = await makeEnvironment(api, { serverIds })
    const path = `${api.root}/environments/${environmentId}`
    expect((await api.ask('GET', path)).body).toMatchObject({ releaseRetention: 5 })
    const changed = await api.ask('PATCH', path, { body: { releaseRetention: 2 } })
    expect([changed.status, changed.body.releaseRetention]).toEqual([200, 2])
    expect((await api.ask('PATCH', path, { body: {} })).body).toMatchObject({ releaseRetention: 2 })
    expect((await api.ask('GET', path)).body).toMatchObject({ releaseRetention: 2 })
    expect((await api.ask('PATCH', path, { body: { releaseRetention: 3 }, token: await api.tokenOf('deployer') })).status).toBe(403)
    const wish = { name: freeName('env'), releaseRetention: 9 }
    expect((await api.ask('POST', `${api.root}/applications/${await makeApplication(api)}/environments`, { body: wish })).body).toMatchObject({ releaseRetention: 9 })
  })

  it.each([0, 51, 2.5, '5', null])('is not %j', async (releaseRetention) => {
    const environmentId = await makeEnvironment(api, { serverIds })
    const before = await api.stored()
    const { body } = await api.ask('PATCH', `${api.root}/environments/${environmentId}`, { body: { releaseRetention } })
    expect(body).toMatchObject({ status: 422, errors: [{ field: 'releaseRetention' }] })
    expect(await api.stored()).toEqual(before)
  })

  it('is not changed from another organisation', async () => {
    const environmentId = await makeEnvironment(api, { serverIds })
    const other = await api.anotherOrganisation()
    const { body } = await api.ask('PATCH', `${other.root}/environments/${environmentId}`, { body: { releaseRetention: 2 }, token: other.token })
    expect(body).toMatchObject({ status: 404, code: 'environment_not_found' })
  })
})
