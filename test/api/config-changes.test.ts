import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EnvironmentId, ServerId } from '../../domain/ids.ts'
import { release } from '../db/rows.ts'
import { type GitHost, openGitHost } from './git-host.ts'
import { freeName, makeEnvironment, makeReadableApplication, makeServer } from './scene.ts'
import { createTestApi, type ProblemBody, type TestApi } from './test-api.ts'

let api: TestApi
let host: GitHost
let serverId: ServerId
let applicationId: string
let environmentId: EnvironmentId

beforeAll(async () => {
  api = await createTestApi()
  host = await openGitHost()
  serverId = await makeServer(api)
  await api.database.sql`update servers set status = 'active', architecture = 'amd64', host_key = 'ssh-ed25519 AAAA' where id = ${serverId}`
  applicationId = await makeReadableApplication(api, host)
  environmentId = await deployed()
})
afterAll(() => Promise.all([api.close(), host.close()]))

/** An environment with a live release whose image is on its server. */
async function deployed() {
  const id = await makeEnvironment(api, { serverIds: [serverId] })
  const { artifactId } = await release(api.database.db, id)
  await api.database.sql`update build_artifacts set server_id = ${serverId} where id = ${artifactId}`
  return id
}

const below = (what: string, id: string = environmentId) => `${api.root}/environments/${id}/${what}`
const change = (id: string = environmentId, options: { token?: string; headers?: Record<string, string> } = {}) => api.ask('POST', below('config-changes', id), options)
const plan = (query = '', options: { token?: string } = {}) => api.ask('GET', below(`plan${query}`), options)

describe('a configuration change', () => {
  it('is accepted, holds what a deployment holds, and stands in the audit', async () => {
    const { status, headers, body } = await change()
    expect(status).toBe(202)
    expect(headers.get('location')).toBe(`${api.root}/operations/${String(body.id)}`)
    expect(body).toMatchObject({ kind: 'config_change', targetType: 'environment', targetId: environmentId, input: {}, summary: expect.stringMatching(/^change the configuration of production of shop-[0-9a-f]{8}$/) })
    const locks = await api.database.sql`select key, mode from operation_locks where operation_id = ${String(body.id)} order by mode, key`
    expect(locks.map(({ key, mode }) => `${mode} ${key}`)).toEqual([`exclusive environment/${environmentId}`, `shared server/${serverId}`])
    const [event] = await api.database.sql`select action from audit_events where target_id = ${environmentId} order by id desc limit 1`
    expect(event).toEqual({ action: 'environment.config_change_requested' })
  })

  it('is requested once by an Idempotency-Key, by a deployer and not by a viewer', async () => {
    const headers = { 'idempotency-key': freeName('key') }
    const [first, second] = [await change(environmentId, { headers }), await change(environmentId, { headers })]
    expect(second.body).toEqual(first.body)
    expect((await change(environmentId, { token: await api.tokenOf('deployer') })).status).toBe(202)
    expect((await change(environmentId, { token: await api.tokenOf('viewer') })).status).toBe(403)
  })

  it('is refused before the first deploy, with what to do', async () => {
    const id = await makeEnvironment(api, { serverIds: [serverId] })
    const before = await api.stored()
    const { body } = await change(id)
    expect(body).toMatchObject({ status: 409, code: 'not_deployed', detail: expect.stringContaining('Deploy it') })
    expect(await api.stored()).toEqual(before)
  })

  it('is a 404 from another organisation', async () => {
    const other = await api.anotherOrganisation()
    for (const [method, what] of [['POST', 'config-changes'], ['GET', 'plan']] as const) {
      const { body } = await api.ask(method, `${other.root}/environments/${environmentId}/${what}`, { token: other.token })
      expect(body).toMatchObject({ status: 404, code: 'environment_not_found' })
    }
  })

  it('is a release of its own in the history', async () => {
    const { body } = await api.ask<{ items: object[] }>('GET', below('releases'))
    expect(body.items).toMatchObject([{ number: 1, kind: 'environment_deploy' }])
  })
})

describe('the plan of an environment', () => {
  it('says what a configuration change would do and why, and changes nothing', async () => {
    const before = await api.stored()
    const { status, body } = await plan('?kind=config_change')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      ...{ kind: 'config_change', isUnchanged: false, commit: 'a'.repeat(40), migration: null, kept: [] },
      services: [{ name: 'web', role: 'web', reason: 'first deploy', batch: 1, starts: [{ serverId }], retires: 0 }],
      image: { isNew: false, build: null },
    })
    expect(await api.stored()).toEqual(before)
  })

  it('says what a deployment of the head would do, and where its image is built', async () => {
    const id = await makeEnvironment(api, { applicationId, serverIds: [serverId] })
    const before = await api.stored()
    const { status, body } = await api.ask<ProblemBody>('GET', below('plan', id))
    expect(status).toBe(200)
    expect(body).toMatchObject({
      ...{ kind: 'environment_deploy', commit: host.heads.main, image: { isNew: true, build: { serverId, builder: null } } },
      migration: { timing: 'pre_switch' },
      warnings: [expect.objectContaining({ code: 'queue_is_sync' })],
    })
    expect((await api.ask<ProblemBody>('GET', below('plan?branch=next', id))).body).toMatchObject({ commit: host.heads.next })
    expect(await api.stored()).toEqual(before)
  })

  it('is refused for the reasons for which the operation would be', async () => {
    const id = await makeEnvironment(api, { applicationId: await makeReadableApplication(api, host), serverIds: [serverId] })
    expect((await api.ask('GET', below('plan?kind=config_change', id))).body).toMatchObject({ status: 409, code: 'not_deployed' })
    expect((await api.ask('GET', below('plan?branch=gone', id))).body).toMatchObject({ status: 422, errors: [{ field: 'branch' }] })
    expect((await plan('?kind=config_change&branch=main')).body).toMatchObject({ status: 422, errors: [{ field: 'branch' }] })
    expect((await plan('?kind=environment_rollback')).body).toMatchObject({ status: 422, errors: [{ field: 'kind' }] })
    expect((await plan('', { token: await api.tokenOf('viewer') })).status).toBe(403)
  })

  it('of an operation is there once it has begun', async () => {
    const { body: operation } = await change()
    const path = `${api.root}/operations/${String(operation.id)}/plan`
    expect((await api.ask('GET', path)).body).toMatchObject({ status: 404, code: 'plan_not_found' })
  })
})
