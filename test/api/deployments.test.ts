import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EnvironmentId, ServerId } from '../../domain/ids.ts'
import { openGitHost, type GitHost } from './git-host.ts'
import { makeApplication, makeEnvironment, makeReadableApplication, makeServer, makeService, someHostKey } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let host: GitHost
let serverId: ServerId
let applicationId: string
let environmentId: EnvironmentId

beforeAll(async () => {
  api = await createTestApi()
  host = await openGitHost()
  serverId = await makeServer(api)
  applicationId = await makeReadableApplication(api, host)
  environmentId = await makeEnvironment(api, { applicationId, serverIds: [serverId] })
})
beforeEach(() => api.make(`${api.root}/git-host-keys`, { host: '127.0.0.1', port: host.port, key: host.hostKey }))
afterAll(() => Promise.all([api.close(), host.close()]))

interface Operation {
  id: string
  status: string
  summary: string
  input: { commit: string; branch: string }
}

const deployments = (id = environmentId) => `${api.root}/environments/${id}/deployments`
const deploy = (body: object, id = environmentId) => api.ask<Operation & { code: string }>('POST', deployments(id), { body })

/** Refused, and nothing is started. */
async function refused(body: object, id = environmentId) {
  const before = await api.stored()
  const answer = await api.ask('POST', deployments(id), { body })
  expect(await api.stored()).toEqual(before)
  return answer.body
}

describe('a deployment', () => {
  it("takes the head of the environment's branch at this moment", async () => {
    const { status, headers, body } = await deploy({})
    expect(status).toBe(202)
    expect(headers.get('location')).toBe(`${api.root}/operations/${body.id}`)
    expect(body).toMatchObject({
      kind: 'environment_deploy',
      targetType: 'environment',
      targetId: environmentId,
      input: { commit: host.heads.main, branch: 'main' },
      summary: expect.stringMatching(`^deploy production of shop-[0-9a-f]{8} @ ${host.heads.main.slice(0, 7)}$`),
      trigger: { by: 'api', actor: 'owner@localhost' },
    })
  })

  it('takes the head of another branch, or a commit', async () => {
    expect((await deploy({ branch: 'next' })).body.input).toEqual({ commit: host.heads.next, branch: 'next' })
    expect((await deploy({ commit: host.heads.main.toUpperCase() })).body.input).toEqual({ commit: host.heads.main, branch: 'main' })
    expect((await deploy({ branch: 'next', commit: host.heads.main })).body.input).toEqual({ commit: host.heads.main, branch: 'next' })
  })

  it('holds its environment alone, and shares its servers and what is attached', async () => {
    const valkey = await makeService(api, 'valkey', serverId)
    await api.make(`${api.root}/environments/${environmentId}/attachments`, { serviceId: valkey, role: 'cache' })
    const { body } = await deploy({})
    const locks = await api.database.sql`select key, mode from operation_locks where operation_id = ${body.id} order by mode, key`
    expect(locks.map(({ key, mode }) => `${mode} ${key}`)).toEqual([
      `exclusive environment/${environmentId}`,
      `shared server/${serverId}`,
      `shared service/${valkey}`,
    ])
  })

  it('is started by a deployer and not by a viewer', async () => {
    const ask = async (token: string) => (await api.ask('POST', deployments(), { body: {}, token })).status
    expect(await ask(await api.tokenOf('deployer'))).toBe(202)
    expect(await ask(await api.tokenOf('viewer'))).toBe(403)
  })

  it('is a 404 from another organisation', async () => {
    const other = await api.anotherOrganisation()
    const { body } = await api.ask('POST', `${other.root}/environments/${environmentId}/deployments`, { token: other.token, body: {} })
    expect(body).toMatchObject({ status: 404, code: 'environment_not_found' })
  })
})

describe('a deployment is refused', () => {
  it('of a branch that does not exist, naming those that do', async () => {
    const body = await refused({ branch: 'mian' })
    expect(body).toMatchObject({ status: 422, code: 'branch_not_found', errors: [{ field: 'branch' }] })
    expect(body.detail).toMatch(/main.*next/)
  })

  it('of a branch that does not exist, even where a commit is named', async () => {
    expect(await refused({ branch: 'mian', commit: host.heads.main })).toMatchObject({ status: 422, code: 'branch_not_found' })
  })

  it.each([
    ['an abbreviated commit', { commit: '3f2a91c' }, 'commit'],
    ['a commit that is none', { commit: 'z'.repeat(40) }, 'commit'],
    ['a branch with a blank', { branch: 'my branch' }, 'branch'],
    ['a branch that looks like an option', { branch: '--all' }, 'branch'],
    ['a branch that is a number', { branch: 1 }, 'branch'],
    ['an empty branch', { branch: '' }, 'branch'],
    ['an unknown field', { brnach: 'main' }, 'brnach'],
  ])('with %s', async (_, body, field) => {
    expect(await refused(body)).toMatchObject({ status: 422, code: 'invalid_input', errors: [{ field }] })
  })

  it('of an environment without servers', async () => {
    const id = await makeEnvironment(api, { serverIds: [] })
    expect(await refused({}, id)).toMatchObject({ status: 409, code: 'environment_without_servers' })
  })

  it('over several servers without a registry', async () => {
    const id = await makeEnvironment(api, { serverIds: [serverId, await makeServer(api)] })
    expect(await refused({}, id)).toMatchObject({ status: 422, code: 'registry_required' })
  })

  it('over servers of several architectures', async () => {
    const [one, other] = [await makeServer(api), await makeServer(api)]
    const id = await makeEnvironment(api, { serverIds: [one, other] })
    await api.database.sql`insert into registries (organisation_id, name, type, url) values (${api.organisationId}, 'mixed', 'generic', 'https://registry.example.com')`
    await api.database.sql`update environments set registry_id = (select id from registries where name = 'mixed') where id = ${id}`
    await api.database.sql`update servers set architecture = case id when ${one} then 'amd64' else 'arm64' end where id in (${one}, ${other})`
    expect(await refused({}, id)).toMatchObject({ status: 422, code: 'mixed_architectures', detail: expect.stringContaining('linux/amd64 and linux/arm64') })
  })

  it('onto a server that could not be made ready', async () => {
    const broken = await makeServer(api)
    const id = await makeEnvironment(api, { serverIds: [broken] })
    await api.database.sql`update servers set status = 'failed' where id = ${broken}`
    expect(await refused({}, id)).toMatchObject({ status: 409, code: 'server_not_ready' })
  })

  it('while the deploy key does not open the repository, with the key to install', async () => {
    const stranger = await makeApplication(api, host.repositoryUrl)
    const id = await makeEnvironment(api, { applicationId: stranger, serverIds: [serverId] })
    const body = await refused({}, id)
    expect(body).toMatchObject({ status: 422, code: 'access_denied', errors: [{ field: 'repositoryUrl' }] })
    expect(body.deployKeyPublic).toMatch(/^ssh-ed25519 /)
  })

  it('from a git host that shows another key', async () => {
    await api.make(`${api.root}/git-host-keys`, { host: '127.0.0.1', port: host.port, key: someHostKey })
    expect(await refused({})).toMatchObject({ status: 409, code: 'host_key_changed', hostKey: host.hostKey })
  })
})
