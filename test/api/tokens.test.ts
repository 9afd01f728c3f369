import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Role } from '../../domain/access.ts'
import { apiTokens } from '../../db/schema/index.ts'
import { tokenHash } from '../../db/tokens.ts'
import { freeName, makeServer, someHostKey } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi

beforeAll(async () => {
  api = await createTestApi()
})
afterAll(() => api.close())

interface Made {
  id: string
  token: string
  prefix: string
  scopes: Role[] | null
  expiresAt: string | null
  lastUsedAt: string | null
}

const make = (path: string, body: object, token = api.ownerToken) => api.ask<Made>('POST', path, { token, body: { name: 'ci', ...body } })
const ofOrganisation = () => `${api.root}/tokens`
const listed = async (path: string, token = api.ownerToken) => (await api.ask<{ items: Made[] }>('GET', path, { token })).body.items
const statusOf = async (token: string, path = api.root) => (await api.ask('GET', path, { token })).status
const days = ({ expiresAt }: Made) => (expiresAt === null ? null : Math.round((Date.parse(expiresAt) - Date.now()) / 86_400_000))

describe.each([
  ['of one’s own', '/user/tokens', {}],
  ['of an organisation', 'organisation', { scopes: ['deployer'] }],
])('a token %s', (_, where, wish) => {
  const path = () => (where === 'organisation' ? ofOrganisation() : where)

  it('is shown once, kept as its hash, listed by what it begins with, and revoked', async () => {
    const { status, body } = await make(path(), wish)
    expect([status, body.token]).toEqual([201, expect.stringMatching(/^ks_[0-9A-Za-z]{46}$/)])
    expect(body.token.startsWith(body.prefix)).toBe(true)
    const all = JSON.stringify([await listed(path()), await api.database.sql`select to_jsonb(t) as row from api_tokens t union all select to_jsonb(a) from audit_events a`])
    expect([all.includes(body.prefix), all.includes(body.token), api.logged().includes(body.token)]).toEqual([true, false, false])
    expect(await statusOf(body.token)).toBe(200)
    expect((await api.ask('DELETE', `${path()}/${body.id}`)).body).toEqual({ id: body.id })
    expect([await statusOf(body.token), (await api.ask('DELETE', `${path()}/${body.id}`)).body.code]).toEqual([401, 'token_not_found'])
    expect((await listed(path())).map(({ id }) => id)).not.toContain(body.id)
  })

  it('ends after ninety days, unless it is told otherwise', async () => {
    const [usual, week, never] = [await make(path(), wish), await make(path(), { ...wish, expiresInDays: 7 }), await make(path(), { ...wish, expiresInDays: null })]
    expect([usual, week, never].map(({ body }) => days(body))).toEqual([90, 7, null])
    await api.database.sql`update api_tokens set expires_at = now() where id = ${week.body.id}`
    expect(await statusOf(week.body.token)).toBe(401)
    expect((await make(path(), { ...wish, expiresInDays: 0 })).body).toMatchObject({ status: 422, errors: [{ field: 'expiresInDays' }] })
  })

  it('remembers when it was used last, to the minute, and is not written more often than that', async () => {
    const { body } = await make(path(), wish)
    expect(body.lastUsedAt).toBeNull()
    const used = async () => (await api.database.sql`select last_used_at::text as at, xmin::text as version from api_tokens where id = ${body.id}`)[0]!
    await Promise.all([1, 2, 3, 4, 5, 6].map(() => statusOf(body.token)))
    const first = await used()
    for (const _ of [1, 2, 3]) await statusOf(body.token)
    expect(await used()).toEqual(first)
    await api.database.sql`update api_tokens set last_used_at = now() - interval '61 seconds' where id = ${body.id}`
    await statusOf(body.token)
    expect(Date.parse((await used()).at)).toBeGreaterThan(Date.now() - 10_000)
  })
})

describe('a token of an organisation', () => {
  it('works for it without a user: by its scopes, there alone, and under its own name', async () => {
    const { body } = await make(ofOrganisation(), { name: 'pipeline', scopes: ['admin'] })
    expect((await api.ask('GET', '/user', { token: body.token })).body).toMatchObject({
      ...{ user: null, token: { kind: 'organisation', isWhole: false }, organisations: [{ id: api.organisationId, role: 'admin' }] },
    })
    expect((await listed('/organisations', body.token)).map(({ id }) => id)).toEqual([api.organisationId])
    expect(await statusOf(body.token, (await api.anotherOrganisation()).root)).toBe(404)
    const confirmed = await api.ask('POST', `${api.root}/git-host-keys`, { token: body.token, body: { host: `${freeName('git')}.example.com`, key: someHostKey } })
    expect(confirmed.status).toBe(201)
    const [event] = (await api.ask<{ items: object[] }>('GET', `${api.root}/audit-events?actor=${body.id}`)).body.items
    expect(event).toMatchObject({ action: 'git_host_key.confirmed', actor: { userId: null, email: null, tokenId: body.id, tokenName: 'pipeline' } })
    const serverId = await makeServer(api)
    const { body: operation } = await api.ask('POST', `${api.root}/servers/${serverId}/provision`, { token: body.token })
    expect(operation).toMatchObject({ trigger: { by: 'api', actor: 'token pipeline' } })
  })

  it('goes on when who made it goes, and is known as his', async () => {
    const admin = await api.tokenOf('admin')
    const { user } = (await api.ask<{ user: { id: string; email: string } }>('GET', '/user', { token: admin })).body
    const { body } = await make(ofOrganisation(), { scopes: ['deployer'] }, admin)
    await api.ask('DELETE', `${api.root}/members/${user.id}`)
    expect([await statusOf(admin), await statusOf(body.token)]).toEqual([404, 200])
    expect((await listed(ofOrganisation())).find(({ id }) => id === body.id)).toMatchObject({ createdBy: user.email, scopes: ['deployer'] })
  })

  it('is never mightier than who makes it, and revoked by nobody below it', async () => {
    const admin = await api.tokenOf('admin')
    expect((await make(ofOrganisation(), { scopes: ['viewer', 'owner'] }, admin)).body).toMatchObject({ status: 403, code: 'role_exceeded' })
    expect((await make(ofOrganisation(), { scopes: ['owner'] }, await api.tokenOf('owner', { scopes: ['admin'] }))).body).toMatchObject({ code: 'role_exceeded' })
    const { body } = await make(ofOrganisation(), { scopes: ['owner'] })
    expect((await api.ask('DELETE', `${ofOrganisation()}/${body.id}`, { token: admin })).body).toMatchObject({ status: 403, code: 'role_required' })
    for (const scopes of [[], ['god'], undefined]) expect((await make(ofOrganisation(), { scopes })).body).toMatchObject({ status: 422 })
  })

  it('is gone with its organisation', async () => {
    const other = await api.anotherOrganisation()
    const { body } = await make(`${other.root}/tokens`, { scopes: ['viewer'] }, other.token)
    await api.ask('DELETE', other.root, { token: other.token })
    expect(await statusOf(body.token, other.root)).toBe(401)
  })

  it('is made once by an Idempotency-Key, and not kept for the second answer', async () => {
    const ask = () => api.ask<Made>('POST', ofOrganisation(), { body: { name: 'once', scopes: ['viewer'] }, headers: { 'idempotency-key': 'token' } })
    const [first, again] = [await ask(), await ask()]
    expect([again.body.id, again.body.token]).toEqual([first.body.id, null])
    expect(JSON.stringify(await api.database.sql`select body from idempotency_keys`)).not.toContain(first.body.token)
  })
})

describe('a token of one’s own', () => {
  it('reaches what it was made for, as far as its user does', async () => {
    const token = await api.tokenOf('admin')
    const narrow = await make('/user/tokens', { scopes: ['viewer'], organisationId: api.organisationId }, token)
    expect(narrow.body).toMatchObject({ scopes: ['viewer'], organisationId: api.organisationId, kind: 'personal' })
    expect((await api.ask('GET', '/user', { token: narrow.body.token })).body).toMatchObject({ token: { isWhole: false }, organisations: [{ role: 'viewer' }] })
    const mighty = await make('/user/tokens', { scopes: ['owner'] }, token)
    expect((await api.ask('GET', '/user', { token: mighty.body.token })).body).toMatchObject({ organisations: [{ role: 'admin' }] })
    const { id: organisationId } = await api.anotherOrganisation()
    expect((await make('/user/tokens', { organisationId }, token)).body).toMatchObject({ status: 422, code: 'unknown_organisation', errors: [{ field: 'organisationId' }] })
  })

  it('is not seen or revoked by anybody else', async () => {
    const { body } = await make('/user/tokens', {})
    const other = await api.tokenOf('owner')
    expect((await listed('/user/tokens', other)).map(({ id }) => id)).not.toContain(body.id)
    for (const path of ['/user/tokens', ofOrganisation()]) {
      expect((await api.ask('DELETE', `${path}/${body.id}`, { token: other })).body).toMatchObject({ status: 404, code: 'token_not_found' })
    }
  })

  it('of before tokens had a checksum opens what it opened', async () => {
    const text = `ks_${'Ab-_'.repeat(10)}xyz`
    const [user] = await api.database.sql`select id from users where email = 'owner@localhost'`
    await api.database.db.insert(apiTokens).values({ userId: user!.id, name: 'old', prefix: 'ks_Ab-_Ab-_', hash: tokenHash(text) })
    expect(await statusOf(text)).toBe(200)
  })
})
