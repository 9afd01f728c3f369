import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { branchCheckActivities } from '../../activities/branch-checks.ts'
import { headActivities } from '../../activities/heads.ts'
import { operationById } from '../../db/operations/begin.ts'
import type { EnvironmentId, OperationId, OrganisationId, ServerId } from '../../domain/ids.ts'
import { createSourceDriver } from '../../drivers/sources/driver.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { type GitHost, openGitHost } from '../api/git-host.ts'
import { deliver, freshCommit, giteaBody, settleAll, webhookSecret } from '../api/push-sender.ts'
import { makeApplication, makeEnvironment, makeReadableApplication, makeServer, provisioned } from '../api/scene.ts'
import { createTestApi, type TestApi } from '../api/test-api.ts'
import { activityDeps } from './deps.ts'

let api: TestApi
let host: GitHost
let serverId: ServerId
let organisationId: OrganisationId
let checks: ReturnType<typeof branchCheckActivities>
let heads: ReturnType<typeof headActivities>
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })

beforeAll(async () => {
  api = await createTestApi()
  host = await openGitHost()
  serverId = await makeServer(api)
  organisationId = api.organisationId
  await provisioned(api)
  const { db } = api.database
  const sources = createSourceDriver({ timeoutSeconds: 5 })
  const deps = activityDeps({ db, keyring: api.keyring, ssh, sources })
  checks = branchCheckActivities(deps)
  heads = headActivities(deps)
})
afterAll(async () => {
  await Promise.all([api.close(), host.close(), ssh.close()])
})

interface Watched {
  applicationId: string
  environmentId: EnvironmentId
}

/** The only application whose branches are looked up; its environment has been deployed. */
async function watched(change: object = {}): Promise<Watched> {
  await api.database.sql`update environments set branch_check_minutes = null`
  const applicationId = await makeReadableApplication(api, host)
  const environmentId = await makeEnvironment(api, { applicationId, serverIds: [serverId] })
  await api.database.sql`update environments set status = 'active' where id = ${environmentId}`
  const answer = await api.ask('PATCH', `${api.root}/environments/${environmentId}`, { body: { branchCheckMinutes: 5, ...change } })
  expect(answer.status).toBe(200)
  return { applicationId, environmentId }
}

/** How many operations a look requests. */
async function found(): Promise<number> {
  const count = async () => Number((await api.database.sql`select count(*) from operations`)[0]!.count)
  const before = await count()
  await look()
  return (await count()) - before
}

const look = () => checks.checkBranches({ organisationId, repositoryUrl: host.repositoryUrl })
const operationsOf = (id: EnvironmentId) => api.database.sql<{ id: OperationId; input: object; trigger: object; summary: string }[]>`
  select id, input, trigger, summary from operations where target_id = ${id} order by sequence`
const due = async () => (await checks.planBranchWatch()).repositories

describe('branches', () => {
  test('are looked up as often as an environment wants it, and once for all of a repository', async () => {
    const { applicationId, environmentId } = await watched()
    await api.make(`${api.root}/applications/${applicationId}/environments`, { name: 'staging', serverIds: [serverId], branchCheckMinutes: 1 })
    expect(await due()).toEqual([{ organisationId, repositoryUrl: host.repositoryUrl }])
    const before = host.reads()
    await look()
    expect(host.reads() - before).toBe(1)
    expect(await due()).toEqual([])
    const { sql } = api.database
    await sql`update environments set branch_checked_at = now() - interval '40 seconds'`
    expect(await due()).toHaveLength(1)
    await sql`update environments set branch_check_minutes = null where name = 'staging'`
    expect(await due()).toEqual([])
    await sql`update environments set branch_checked_at = now() - interval '5 minutes' where id = ${environmentId}`
    expect(await due()).toHaveLength(1)
  })

  test('are not looked up for environments that are not deployed on pushes, or whose image is built elsewhere', async () => {
    await watched({ deployOnPush: false })
    expect(await due()).toEqual([])
    await watched({ buildStrategy: 'external_registry', image: 'ghcr.io/team/shop:1' })
    expect(await due()).toEqual([])
    expect(await look()).toEqual({ environments: 0 })
  })

  test('of a repository that cannot be read are tried again the next time', async () => {
    const { environmentId } = await watched()
    await api.database.sql`delete from git_host_keys`
    await expect(look()).rejects.toMatchObject({ type: 'source_host_key_unknown' })
    expect(await due()).toHaveLength(1)
    expect(await operationsOf(environmentId)).toEqual([])
  })
})

describe('a push that nobody has told of', () => {
  test('is deployed, once, where git finds it wanted', async () => {
    const { environmentId } = await watched()
    await look()
    const count = (await operationsOf(environmentId)).length
    const before = await headNow()
    const head = await host.push('main')
    expect(await look()).toEqual({ environments: 1 })
    expect(await look()).toEqual({ environments: 1 })
    const operations = await operationsOf(environmentId)
    expect(operations).toHaveLength(count + 1)
    expect(operations.at(-1)).toMatchObject({
      input: { branch: 'main', condition: { since: [before], heedsSkip: true } },
      trigger: { by: 'schedule', actor: 'branch_watch', cause: `push of ${head.slice(0, 7)} to main, which nobody had told of` },
    })
  })

  test('is not one that a webhook has told of, or that somebody has deployed', async () => {
    const { applicationId, environmentId } = await watched()
    await look()
    const count = (await operationsOf(environmentId)).length
    const head = await host.push('main')
    await deliver(api, applicationId, await webhookSecret(api, applicationId), { body: giteaBody({ after: head }) })
    expect(await found()).toBe(0)
    await settleAll(api)
    await host.push('main')
    await api.make(`${api.root}/environments/${environmentId}/deployments`, {})
    expect(await found()).toBe(0)
    expect(await operationsOf(environmentId)).toHaveLength(count + 2)
  })

  test('is one that was told of before the branch was looked up last, and has gone and come again', async () => {
    const { applicationId, environmentId } = await watched()
    const head = await host.push('main')
    await deliver(api, applicationId, await webhookSecret(api, applicationId), { body: giteaBody({ after: head }) })
    await look()
    await api.database.sql`update environments set branch_head = ${freshCommit()}, branch_checked_at = now() + interval '1 second' where id = ${environmentId}`
    expect(await found()).toBe(1)
  })

  test('is none where an environment has never been deployed', async () => {
    const { environmentId } = await watched()
    await api.database.sql`update environments set status = 'new' where id = ${environmentId}`
    expect(await found()).toBe(0)
    await host.push('main')
    expect(await found()).toBe(1)
  })
})

const headNow = async () => (await api.database.sql`select branch_head as head from environments where branch_check_minutes is not null`)[0]!.head

describe('a deployment that a push has caused', () => {
  const requested = async (told: Parameters<typeof giteaBody>[0] = {}, change: object = {}) => {
    const { applicationId, environmentId } = await watched(change)
    await deliver(api, applicationId, await webhookSecret(api, applicationId), { body: giteaBody(told) })
    await settleAll(api)
    const [requested] = await operationsOf(environmentId)
    return { environmentId, operationId: requested!.id }
  }

  test('takes what its branch is at, and keeps that', async () => {
    const { operationId } = await requested()
    const head = await host.push('main')
    expect(await heads.resolveHead({ operationId })).toEqual({ commit: head, comparison: null })
    await host.push('main')
    expect(await heads.resolveHead({ operationId })).toEqual({ commit: head, comparison: null })
    const { input, summary } = await operationById(api.database.db, operationId)
    expect([input, summary]).toEqual([{ branch: 'main', commit: head }, expect.stringMatching(` @ ${head.slice(0, 7)}$`)])
  })

  test('is compared on the server of its environment where its list was cut', async () => {
    const { operationId } = await requested({ paths: ['docs/a'], total: 60 }, { triggerPaths: ['apps/shop'] })
    expect((await heads.resolveHead({ operationId })).comparison).toEqual({ serverId, serverName: expect.any(String) })
  })

  test('fails where its branch is gone, saying so', async () => {
    const { environmentId, operationId } = await requested()
    await api.database.sql`update operations set input = '{"branch": "gone"}' where target_id = ${environmentId}`
    await expect(heads.resolveHead({ operationId })).rejects.toMatchObject({ type: 'source_branch_not_found', nonRetryable: true })
  })

  test('of an environment without a server fails as any other', async () => {
    const applicationId = await makeApplication(api)
    const environmentId = await makeEnvironment(api, { applicationId, serverIds: [] })
    const { operationId } = await requested()
    await api.database.sql`update operations set target_id = ${environmentId} where id = ${operationId}`
    await expect(heads.resolveHead({ operationId })).rejects.toMatchObject({ type: 'nothing_to_deploy' })
  })
})
