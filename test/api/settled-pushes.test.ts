import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { applicationIdSchema } from '../../api/schemas/fields.ts'
import { lockAdmission } from '../../db/operations/admit.ts'
import { settlePushes } from '../../dispatcher/pushes.ts'
import type { ApplicationId, EnvironmentId, ServerId } from '../../domain/ids.ts'
import { waiting } from '../db/side-by-side.ts'
import { deliver, freshCommit, giteaBody, type Received, settleAll, webhookSecret } from './push-sender.ts'
import { makeApplication, makeEnvironment, makeServer, provisioned } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverId: ServerId

beforeAll(async () => {
  api = await createTestApi()
  serverId = await makeServer(api)
  await provisioned(api)
})
afterAll(() => api.close())

interface Shop {
  applicationId: ApplicationId
  environmentId: EnvironmentId
  /** A push of this body, of which no dispatcher has heard yet. */
  push(told?: Parameters<typeof giteaBody>[0]): ReturnType<typeof deliver>
}

async function shop(change: object = {}): Promise<Shop> {
  const applicationId = applicationIdSchema.parse(await makeApplication(api))
  const environmentId = await makeEnvironment(api, { applicationId, serverIds: [serverId] })
  await api.ask('PATCH', `${api.root}/environments/${environmentId}`, { body: change })
  const secret = await webhookSecret(api, applicationId)
  return { applicationId, environmentId, push: (told) => deliver(api, applicationId, secret, { body: giteaBody(told) }) }
}

interface Operation {
  id: string
  status: string
  input: object
  trigger: { cause: string }
}

const operationsOf = async ({ environmentId }: Shop) => (await api.ask<{ items: Operation[] }>('GET', `${api.root}/operations?targetId=${environmentId}`)).body.items
const deliveriesOf = async ({ applicationId }: Shop) =>
  (await api.ask<{ items: (Received & { settledAt: string | null })[] }>('GET', `${api.root}/applications/${applicationId}/webhook-deliveries`)).body.items
const statesOf = async (own: Shop) => (await deliveriesOf(own)).flatMap(({ environments }) => environments.map(({ state }) => state))

describe('pushes that come before a dispatcher looks', () => {
  it('come to one deployment of each environment, that of the newest', async () => {
    const own = await shop()
    const staging = await api.make<{ id: string }>(`${api.root}/applications/${own.applicationId}/environments`, { name: 'staging', branch: 'next', serverIds: [serverId] })
    const newest = freshCommit()
    for (const after of [freshCommit(), freshCommit(), newest]) await own.push({ after })
    await own.push({ ref: 'refs/heads/next' })
    expect(await operationsOf(own)).toEqual([])
    expect(await statesOf(own)).toEqual(['ignored', 'pending', 'pending', 'ignored', 'pending', 'ignored', 'pending', 'ignored'])
    await settleAll(api)
    const [operation, ...others] = await operationsOf(own)
    expect(others).toEqual([])
    expect(operation).toMatchObject({ status: 'pending', input: { branch: 'main' }, trigger: { cause: `push of ${newest.slice(0, 7)} to main` } })
    const deliveries = await deliveriesOf(own)
    expect(deliveries.map(({ settledAt }) => settledAt)).toEqual(deliveries.map(() => expect.any(String)))
    const requested = deliveries.flatMap(({ environments }) => environments).filter(({ state }) => state === 'requested')
    expect(requested.map(({ environmentId, operationId }) => [environmentId, operationId === operation!.id])).toEqual([
      [staging.id, false],
      ...[1, 2, 3].map(() => [own.environmentId, true]),
    ])
  })

  it('are deployed for the reasons of all of them', async () => {
    const own = await shop({ triggerPaths: ['apps/shop'] })
    const [first, second] = [freshCommit(), freshCommit()]
    await own.push({ before: first, after: second, paths: ['docs/a'], total: 60 })
    await own.push({ before: second, paths: ['docs/b'], total: 60 })
    await settleAll(api)
    expect((await operationsOf(own))[0]?.input).toEqual({ branch: 'main', condition: { since: [first, second], heedsSkip: false } })
    await own.push({ paths: ['apps/shop/a'] })
    await own.push({ paths: ['docs/c'], total: 60 })
    await settleAll(api)
    expect((await operationsOf(own))[0]?.input).toEqual({ branch: 'main' })
  })

  it('of a branch and a tag are deployed as what came last', async () => {
    const own = await shop({ deployTags: 'v*' })
    const tagged = freshCommit()
    await own.push()
    await own.push({ ref: 'refs/tags/v1', after: tagged })
    await settleAll(api)
    await own.push({ ref: 'refs/tags/v2' })
    await own.push()
    await settleAll(api)
    expect((await operationsOf(own)).map(({ input }) => input)).toEqual([{ branch: 'main' }, { tag: 'v1', commit: tagged }])
  })

  it('and tell of the same move in other words start nothing more', async () => {
    const own = await shop({ deployTags: 'v*' })
    const told = { ref: 'refs/tags/v3', before: '0'.repeat(40), after: freshCommit() }
    await own.push(told)
    await own.push({ ...told, message: 'told otherwise' })
    await settleAll(api)
    expect((await deliveriesOf(own)).map(({ reason, environments }) => [reason?.code, environments.length])).toEqual([['told_before', 0], [undefined, 1]])
  })

  it('come to nothing where the environment has gone meanwhile', async () => {
    const own = await shop()
    await own.push()
    await api.database.sql`update environments set status = 'removing' where id = ${own.environmentId}`
    await settleAll(api)
    const [delivery] = await deliveriesOf(own)
    expect(delivery?.environments[0]).toMatchObject({ state: 'ignored', operationId: null, reason: { code: 'environment_removed' } })
  })
})

describe('settling pushes', () => {
  it('that several dispatchers begin at once is done once', async () => {
    const shops = await Promise.all([1, 2, 3].map(() => shop()))
    await Promise.all(shops.flatMap(({ push }) => [1, 2, 3, 4].map(() => push())))
    await Promise.all([1, 2, 3, 4, 5].map(() => settleAll(api)))
    await settleAll(api)
    const operations = await Promise.all(shops.map(operationsOf))
    expect(operations.map((list) => list.length)).toEqual([1, 1, 1])
  })

  it('that is broken off has done nothing, and is done by the next', async () => {
    const own = await shop()
    await own.push()
    const { db, sql } = api.database
    await db.transaction(async (tx) => {
      await lockAdmission(tx)
      const settling = expect(settlePushes(db, own.applicationId)).rejects.toThrow()
      await waiting(sql, 1)
      await sql`select pg_cancel_backend(pid) from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0`
      await settling
    })
    expect([await statesOf(own), await operationsOf(own)]).toEqual([['pending'], []])
    await settleAll(api)
    expect([await statesOf(own), (await operationsOf(own)).length]).toEqual([['requested'], 1])
  })
})
