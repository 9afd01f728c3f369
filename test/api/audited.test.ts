import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { tokenHash } from '../../db/tokens.ts'
import { changes } from './every-change.ts'
import { addressOf, everyRoute, type EveryRoute, type Ids, parameters, thingsOf } from './every-route.ts'
import { type GitHost, openGitHost } from './git-host.ts'
import { type ImageRegistry, openImageRegistry } from './image-registry.ts'
import { type FakeHetzner, openFakeHetzner } from '../lab/hetzner/fake.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let git: GitHost
let registry: ImageRegistry
let hetzner: FakeHetzner
let routes: EveryRoute[]
/** Of another organisation. */
let foreign: Ids

beforeAll(async () => {
  hetzner = await openFakeHetzner()
  api = await createTestApi({ hetznerEndpoint: hetzner.endpoint })
  git = await openGitHost()
  registry = await openImageRegistry()
  routes = await everyRoute(api)
  foreign = await thingsOf(api, await api.anotherOrganisation())
})
/** The longer the queue, the longer the next one takes to be put there. */
afterEach(() => api.database.sql`update operations set status = 'cancelled', finished_at = now() where finished_at is null`)
afterAll(async () => {
  await api.close()
  await git.close()
  registry.close()
  await hetzner.close()
})

/** The same body with the ids of others; null where it has none. */
function ofOthers(body: object | undefined, own: Ids): object | null {
  const text = JSON.stringify(body ?? null)
  const changed = Object.entries(own).reduce((all, [name, id]) => (name === 'key' ? all : all.replaceAll(id, foreign[name]!)), text)
  return changed === text ? null : (JSON.parse(changed) as object)
}

const nameOf = ({ method, path }: EveryRoute) => `${method} ${path}`

describe('every change that the document has', () => {
  it('is known here', () => {
    const changing = routes.filter(({ method }) => method !== 'GET').map(nameOf)
    expect(changing.toSorted()).toEqual(Object.keys(changes).toSorted())
  })

  it.each(Object.keys(changes))('is made of nobody else’s things, and stands in the audit with who made it: %s', async (name) => {
    const route = routes.find((one) => nameOf(one) === name)!
    const made = await thingsOf(api, { id: api.organisationId, root: api.root, token: api.ownerToken })
    const { ids = {}, query = '', body, token = api.ownerToken } = await changes[name]!({ api, ids: made, git, registry, hetzner })
    const all = { ...made, ...ids }
    const send = (to: Ids, sent = body) =>
      api.ask<object>(route.method, addressOf(route, to) + query, { token: route.isPublic ? null : token, ...(sent ? { body: sent } : {}) })
    const [before] = await api.database.sql`select max(id::text) as id from audit_events`
    for (const parameter of parameters(route).filter((one) => one !== 'key')) {
      expect(await send({ ...all, [parameter]: foreign[parameter]! }), parameter).toMatchObject({ status: 404 })
    }
    const theirs = ofOthers(body, made)
    if (theirs) expect([404, 422]).toContain((await send(all, theirs)).status)
    expect(await api.database.sql`select max(id::text) as id from audit_events`).toEqual([before])

    const { status, body: answer } = await send(all)
    expect([200, 201, 202], JSON.stringify(answer)).toContain(status)

    const events = await api.database.sql`
      select e.organisation_id, e.user_id, e.action, e.target_type, t.hash from audit_events e join api_tokens t on t.id = e.token_id where e.id::text > ${String(before!.id)}`
    expect(events.length).toBeGreaterThan(0)
    for (const { action, target_type: target, user_id: userId, hash } of events) {
      expect([action, target, userId]).toEqual([expect.stringMatching(/^[a-z_]+\.[a-z_]+$/), expect.stringMatching(/^[a-z_]+$/), expect.any(String)])
      if (!route.isPublic) expect(hash).toBe(tokenHash(token))
    }
    if (route.role !== null) expect(events.map(({ organisation_id: id }) => id)).toEqual([all.organisationId])
  })
})
