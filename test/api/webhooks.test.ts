import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pruneDeliveries } from '../../db/webhooks.ts'
import type { EnvironmentId, ServerId } from '../../domain/ids.ts'
import { giteaDelivery } from '../drivers/sources/gitea-deliveries.ts'
import { deliver, type Delivery, freshCommit, giteaBody, giteaHeaders, type Received, settleAll, webhookSecret } from './push-sender.ts'
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
  applicationId: string
  environmentId: EnvironmentId
  secret: string
  /** What the git host is answered; by then a dispatcher has settled it. */
  send(delivery: Delivery): ReturnType<typeof deliver>
  /** A push of this body, and what came of it for the only environment. */
  reasonOf(told?: Parameters<typeof giteaBody>[0]): Promise<string | null>
}

/** An application with one environment, whose git host may tell of pushes. */
async function shop(change: object = {}): Promise<Shop> {
  const applicationId = await makeApplication(api)
  const environmentId = await makeEnvironment(api, { applicationId, serverIds: [serverId] })
  await api.ask('PATCH', `${api.root}/environments/${environmentId}`, { body: change })
  const secret = await webhookSecret(api, applicationId)
  const send = async (delivery: Delivery) => {
    const answer = await deliver(api, applicationId, secret, delivery)
    await settleAll(api)
    return answer
  }
  return {
    ...{ applicationId, environmentId, secret, send },
    async reasonOf(told) {
      const { status, body } = await send({ body: giteaBody(told) })
      const [only] = body.environments
      expect(status).toBe(only?.reason ? 200 : 202)
      return only?.reason?.code ?? null
    },
  }
}

interface Operation {
  id: string
  status: string
  summary: string
  input: object
  trigger: object
}

const operationsOf = async ({ environmentId }: Shop) => (await api.ask<{ items: Operation[] }>('GET', `${api.root}/operations?targetId=${environmentId}`)).body.items
const deliveriesOf = async ({ applicationId }: Pick<Shop, 'applicationId'>) => (await api.ask<{ items: Received[] }>('GET', `${api.root}/applications/${applicationId}/webhook-deliveries`)).body.items

describe('a push', () => {
  it('is deployed: what its branch is at when that begins', async () => {
    const own = await shop()
    const after = freshCommit()
    const { status, body } = await own.send({ body: giteaBody({ after }) })
    expect([status, body.isRepeated, body.reason]).toEqual([202, false, null])
    const named = { environmentId: own.environmentId, environmentName: 'production' }
    expect(body.environments).toEqual([{ ...named, state: 'pending', operationId: null, reason: null }])
    const [operation] = await operationsOf(own)
    const [delivery] = await deliveriesOf(own)
    expect(delivery?.environments).toEqual([{ ...named, state: 'requested', operationId: operation?.id, reason: null }])
    expect(operation).toMatchObject({
      ...{ kind: 'environment_deploy', status: 'pending', input: { branch: 'main' } },
      summary: expect.stringMatching(/^deploy production of shop-[0-9a-f]{8} @ main$/),
      trigger: { by: 'webhook', actor: 'ada', cause: `push of ${after.slice(0, 7)} to main` },
    })
  })

  it('of a real Gitea is deployed', async () => {
    const own = await shop()
    const { headers, body } = giteaDelivery('03')
    const response = await deliver(api, own.applicationId, own.secret, { body: body.toString(), headers: { 'x-gitea-delivery': headers.get('x-gitea-delivery')! } })
    expect([response.status, response.body.environments.map(({ reason }) => reason)]).toEqual([202, [null]])
  })

  it('supersedes the one that waits, and what is under way goes on', async () => {
    const own = await shop()
    for (let time = 0; time < 4; time += 1) await own.send({ body: giteaBody() })
    const operations = await operationsOf(own)
    expect(operations.map(({ status }) => status)).toEqual(['queued', 'superseded', 'superseded', 'pending'])
  })

  it('does not supersede what somebody has asked for', async () => {
    const own = await shop()
    await own.send({ body: giteaBody() })
    await api.make(`${api.root}/environments/${own.environmentId}/deployments`, { commit: freshCommit() })
    await own.send({ body: giteaBody() })
    await own.send({ body: giteaBody() })
    expect((await operationsOf(own)).map(({ status }) => status)).toEqual(['queued', 'superseded', 'queued', 'pending'])
  })

  it('that is superseded by one that git is to compare leaves its reason to that', async () => {
    const own = await shop({ triggerPaths: ['apps/shop'] })
    const before = freshCommit()
    const cut = () => ({ before, paths: ['docs/a'], total: 60 })
    const inputs = async () => (await operationsOf(own))[0]!.input
    await own.send({ body: giteaBody(cut()) })
    expect(await inputs()).toEqual({ branch: 'main', condition: { since: [before], heedsSkip: false } })
    await own.send({ body: giteaBody(cut()) })
    expect(await inputs()).toMatchObject({ condition: { since: expect.arrayContaining([before]) } })
    await own.send({ body: giteaBody({ paths: ['apps/shop/a'] }) })
    await own.send({ body: giteaBody(cut()) })
    expect(await inputs()).toEqual({ branch: 'main' })
  })

  it.each([
    ['to another branch', {}, { ref: 'refs/heads/next' }, 'other_branch'],
    ['of a tag', {}, { ref: 'refs/tags/v1' }, 'tags_disabled'],
    ['of another tag', { deployTags: 'v*' }, { ref: 'refs/tags/beta' }, 'other_tag'],
    ['to an environment without them', { deployOnPush: false }, {}, 'push_disabled'],
    ['outside of what triggers', { triggerPaths: ['apps/shop'] }, { paths: ['docs/index.md'] }, 'outside_trigger_paths'],
    ['that asks for it', {}, { message: 'Typo [skip deploy]' }, 'skip_requested'],
    ['for an image that is built elsewhere', { buildStrategy: 'external_registry', image: 'ghcr.io/team/shop:1' }, {}, 'built_elsewhere'],
  ])('%s starts nothing, and says why', async (_, change, told, code) => {
    const own = await shop(change)
    expect(await own.reasonOf(told)).toBe(code)
    expect(await operationsOf(own)).toEqual([])
    expect((await deliveriesOf(own))[0]).toMatchObject({ environments: [{ reason: { code, message: expect.stringMatching(/\.$/) }, operationId: null }] })
  })

  it('of a tag that is wanted is deployed as its commit', async () => {
    const own = await shop({ deployTags: 'v*' })
    const after = freshCommit()
    expect(await own.reasonOf({ ref: 'refs/tags/v1.2', after })).toBeNull()
    expect((await operationsOf(own))[0]).toMatchObject({ input: { tag: 'v1.2', commit: after }, summary: expect.stringMatching(/ @ v1\.2$/) })
  })

  it('to what cannot be deployed says why', async () => {
    const applicationId = await makeApplication(api)
    await makeEnvironment(api, { applicationId, serverIds: [] })
    const { status } = await deliver(api, applicationId, await webhookSecret(api, applicationId), { body: giteaBody() })
    await settleAll(api)
    const [delivery] = await deliveriesOf({ applicationId })
    expect([status, delivery?.environments]).toEqual([202, [expect.objectContaining({ state: 'ignored', operationId: null, reason: expect.objectContaining({ code: 'environment_without_servers' }) })]])
  })

  it('of an application without environments, of a deleted branch and of one that has not moved starts nothing', async () => {
    const applicationId = await makeApplication(api)
    const secret = await webhookSecret(api, applicationId)
    const at = freshCommit()
    const bodies = [giteaBody(), giteaBody({ after: '0'.repeat(40) }), giteaBody({ before: at, after: at })]
    const answers = []
    for (const body of bodies) answers.push(await deliver(api, applicationId, secret, { body }))
    expect(answers.map(({ status, body }) => [status, body.reason?.code, body.environments])).toEqual([
      [200, 'no_environment', []],
      [200, 'ref_deleted', []],
      [200, 'nothing_moved', []],
    ])
  })

  it('goes to each environment that it concerns, and to no other application', async () => {
    const own = await shop()
    const path = `${api.root}/applications/${own.applicationId}/environments`
    await api.make(path, { name: 'staging', serverIds: [serverId] })
    await api.make(path, { name: 'next', branch: 'next', serverIds: [serverId] })
    await own.send({ body: giteaBody() })
    const [delivery] = await deliveriesOf(own)
    expect(delivery!.environments.map(({ environmentName, operationId, reason }) => [environmentName, operationId !== null, reason?.code])).toEqual([
      ['production', true, undefined],
      ['staging', true, undefined],
      ['next', false, 'other_branch'],
    ])
  })
})

describe('the same push', () => {
  it('under the same id, and the same bytes under another one, start nothing more', async () => {
    const own = await shop()
    const body = giteaBody()
    const first = await own.send({ body, deliveryId: 'd1' })
    const again = await own.send({ body, deliveryId: 'd1' })
    const replayed = await own.send({ body, deliveryId: 'd2' })
    expect([first.status, again.status, replayed.status]).toEqual([202, 200, 200])
    const operations = await operationsOf(own)
    expect(operations).toHaveLength(1)
    const told = { ...first.body, isRepeated: true, environments: [{ ...first.body.environments[0], state: 'requested', operationId: operations[0]!.id }] }
    expect([again.body, replayed.body]).toEqual([told, told])
    expect(await deliveriesOf(own)).toMatchObject([{ id: first.body.id, repeats: 2, repeatedAt: expect.any(String) }])
  })

  it('many times at once starts one', async () => {
    const own = await shop()
    const body = giteaBody()
    const answers = await Promise.all(Array.from({ length: 12 }, () => own.send({ body })))
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(11)
    expect(await operationsOf(own)).toHaveLength(1)
  })

  it('told of by another hook in other bytes starts nothing more', async () => {
    const own = await shop()
    const moved = { before: freshCommit(), after: freshCommit() }
    expect((await own.send({ body: giteaBody(moved) })).status).toBe(202)
    const { status, body } = await own.send({ body: giteaBody({ ...moved, message: 'told otherwise' }) })
    expect([status, body.reason?.code]).toEqual([200, 'told_before'])
  })

  it('of another application is another push', async () => {
    const [one, other] = [await shop(), await shop()]
    const body = giteaBody()
    expect([(await one.send({ body })).status, (await other.send({ body })).status]).toEqual([202, 202])
  })
})

describe('a delivery is refused', () => {
  const refusal = async (answer: Promise<{ status: number; body: { code: string; detail: string } }>) => {
    const { status, body } = await answer
    expect(body.detail).toMatch(/\S/)
    return [status, body.code]
  }

  it('unsigned, emptily signed, and with another secret, and nothing is stored', async () => {
    const own = await shop()
    const body = giteaBody()
    const before = await api.stored()
    expect(await refusal(own.send({ body, headers: { 'x-gitea-signature': '' } }))).toEqual([401, 'signature_missing'])
    expect(await refusal(deliver(api, own.applicationId, 'another', { body }))).toEqual([401, 'signature_invalid'])
    expect(await refusal(deliver(api, own.applicationId, '', { body }))).toEqual([401, 'signature_invalid'])
    const { 'x-gitea-signature': _, ...unsigned } = giteaHeaders(own.secret, { body })
    const response = await api.app.request(`/webhooks/${own.applicationId}`, { method: 'POST', body, headers: unsigned })
    expect([response.status, await response.json()]).toEqual([401, expect.objectContaining({ code: 'signature_missing' })])
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(await api.stored()).toEqual(before)
  })

  it('for an application that is not there, or has no secret', async () => {
    const applicationId = await makeApplication(api)
    for (const id of [applicationId, 'a', '0197a4a1-0000-7000-8000-000000000000']) {
      expect(await refusal(deliver(api, id, 'secret', { body: giteaBody() }))).toEqual([404, 'webhook_not_found'])
    }
  })

  it('where it is no delivery, no JSON, or no push', async () => {
    const own = await shop()
    expect(await refusal(own.send({ body: '{' }))).toEqual([400, 'unreadable_payload'])
    expect(await refusal(own.send({ body: '{}' }))).toEqual([422, 'invalid_payload'])
    expect(await refusal(own.send({ body: '{}', headers: { 'content-type': 'text/plain' } }))).toEqual([415, 'unsupported_content_type'])
    const response = await api.app.request(`/webhooks/${own.applicationId}`, { method: 'POST', body: '{}' })
    expect([response.status, await response.json()]).toEqual([400, expect.objectContaining({ code: 'unknown_form' })])
    expect(await refusal(own.send({ body: ' '.repeat(26 * 1024 * 1024) }))).toEqual([413, 'body_too_large'])
  })

  it('where somebody guesses, after a while without being read', async () => {
    const own = await shop()
    const guess = () => deliver(api, own.applicationId, 'guessed', { body: giteaBody() })
    const answers = []
    for (let time = 0; time < 70; time += 1) answers.push(await guess())
    const limited = answers.findLast(({ status }) => status === 429)
    expect(answers[0]!.status).toBe(401)
    expect(limited?.body.code).toBe('rate_limited')
    expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('never with a NUL that the database would not take', async () => {
    const own = await shop()
    const told = { ref: 'refs/heads/main', message: 'a \0 and a \ud800' }
    expect((await own.send({ body: giteaBody(told) })).status).toBe(202)
    expect(await refusal(own.send({ body: giteaBody({ ref: 'refs/heads/\0' }) }))).toEqual([422, 'invalid_payload'])
  })

  it('not for being larger than what the API takes else', async () => {
    const own = await shop()
    const paths = Array.from({ length: 20_000 }, (_, index) => `a/long/folder/with/the/file/${index}`)
    expect((await own.send({ body: giteaBody({ paths }) })).status).toBe(202)
  })
})

describe('the secret', () => {
  const path = ({ applicationId }: Shop) => `${api.root}/applications/${applicationId}`
  const stateOf = async (own: Shop) => (await api.ask<{ webhook: { state: string; path: string } }>('GET', path(own))).body.webhook

  it('is shown once, and in nothing that is stored or logged', async () => {
    const own = await shop()
    expect(own.secret).toMatch(/^kswh_[A-Za-z0-9_-]{43}$/)
    expect(await stateOf(own)).toEqual({ path: `/webhooks/${own.applicationId}`, state: 'ready' })
    const rows = await api.database.sql`select row_to_json(a)::text as row from applications a union all select row_to_json(e)::text from audit_events e union all select row_to_json(k)::text from idempotency_keys k`
    expect(rows.map(({ row }) => row).join('\n')).not.toContain(own.secret)
    expect(api.logged()).not.toContain(own.secret)
  })

  it('that follows counts beside the one before, until it has been used', async () => {
    const own = await shop()
    const next = await webhookSecret(api, own.applicationId)
    const send = async (secret: string) => (await deliver(api, own.applicationId, secret, { body: giteaBody() })).status
    expect([await stateOf(own), await send(own.secret)]).toMatchObject([{ state: 'rotating' }, 202])
    expect(await stateOf(own)).toMatchObject({ state: 'rotating' })
    expect([await send(next), await stateOf(own)]).toMatchObject([202, { state: 'ready' }])
    expect([await send(own.secret), await send(next)]).toEqual([401, 202])
  })

  it('is forgotten on a wish, and with its application', async () => {
    const own = await shop()
    await webhookSecret(api, own.applicationId)
    expect((await api.ask<{ webhook: object }>('DELETE', `${path(own)}/webhook-secret`)).body.webhook).toMatchObject({ state: 'none' })
    expect((await own.send({ body: giteaBody() })).status).toBe(404)
    const applicationId = await makeApplication(api)
    const secret = await webhookSecret(api, applicationId)
    await api.ask('DELETE', `${api.root}/applications/${applicationId}`)
    expect((await deliver(api, applicationId, secret, { body: giteaBody() })).status).toBe(404)
    expect(await api.database.sql`select 1 from applications where removed_at is not null and webhook_secret is not null`).toEqual([])
  })

  it('is made by admins alone, deliveries are seen by viewers, and nothing by others', async () => {
    const own = await shop()
    const asked = async (method: string, part: string, token: string) => (await api.ask(method, `${path(own)}/${part}`, { token })).status
    const [admin, deployer, viewer] = [await api.tokenOf('admin'), await api.tokenOf('deployer'), await api.tokenOf('viewer')]
    expect([await asked('PUT', 'webhook-secret', admin), await asked('PUT', 'webhook-secret', deployer), await asked('DELETE', 'webhook-secret', viewer)]).toEqual([200, 403, 403])
    expect(await asked('GET', 'webhook-deliveries', viewer)).toBe(200)
    const foreign = await api.anotherOrganisation()
    expect((await api.ask('GET', `${foreign.root}/applications/${own.applicationId}/webhook-deliveries`, { token: foreign.token })).status).toBe(404)
  })
})

describe('what an environment is deployed for', () => {
  it('is everything on its branch unless told', async () => {
    const { environmentId } = await shop()
    const { body } = await api.ask<object>('GET', `${api.root}/environments/${environmentId}`)
    expect(body).toMatchObject({ deployOnPush: true, deployTags: null, triggerPaths: [], branchCheckMinutes: null })
  })

  it.each([
    [{ triggerPaths: ['/apps'] }, 'triggerPaths[0]'],
    [{ triggerPaths: ['apps', 'a/../..'] }, 'triggerPaths[1]'],
    [{ triggerPaths: ['apps/'] }, 'triggerPaths[0]'],
    [{ triggerPaths: [''] }, 'triggerPaths[0]'],
    [{ deployTags: '' }, 'deployTags'],
    [{ branchCheckMinutes: 0 }, 'branchCheckMinutes'],
    [{ branchCheckMinutes: 1441 }, 'branchCheckMinutes'],
  ])('is refused as %j', async (change, field) => {
    const { environmentId } = await shop()
    const { status, body } = await api.ask('PATCH', `${api.root}/environments/${environmentId}`, { body: change })
    expect([status, body.errors.map((error) => error.field)]).toEqual([422, [field]])
  })
})

describe('what was delivered', () => {
  it('is listed newest first, page by page, and forgotten after a month', async () => {
    const own = await shop()
    for (let time = 0; time < 3; time += 1) await own.send({ body: giteaBody() })
    const all = await deliveriesOf(own)
    const page = await api.ask<{ items: Received[]; nextCursor: string }>('GET', `${api.root}/applications/${own.applicationId}/webhook-deliveries?limit=2`)
    expect(page.body).toMatchObject({ items: all.slice(0, 2), nextCursor: all[1]!.id })
    expect(all[0]).toMatchObject({ provider: 'gitea', event: 'push', ref: 'refs/heads/main', repeats: 0, settledAt: expect.any(String) })
    const { sql, db } = api.database
    await sql`update webhook_deliveries set received_at = now() - interval '31 days' where id = ${all[2]!.id}`
    await pruneDeliveries(db)
    expect((await deliveriesOf(own)).map(({ id }) => id)).toEqual(all.slice(0, 2).map(({ id }) => id))
  })
})
