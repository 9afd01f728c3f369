import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordAudit } from '../../db/audit.ts'
import { newId } from '../../db/ids.ts'
import type { TokenId, UserId } from '../../domain/ids.ts'
import { makeServer, someHostKey } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let actor: { userId: UserId; tokenId: TokenId }

interface Event {
  id: string
  at: string
  action: string
  targetId: string
  details: Record<string, unknown>
}

beforeAll(async () => {
  api = await createTestApi()
  const [found] = await api.database.sql`select user_id, id from api_tokens where name = 'first token'`
  actor = { userId: found!.user_id, tokenId: found!.id }
})
afterAll(() => api.close())

const path = (query = '') => `${api.root}/audit-events${query}`
const events = async (query = '') => (await api.ask<{ items: Event[]; nextCursor: string | null }>('GET', path(query))).body
const text = async (suffix: string) => {
  const response = await api.app.request(path(suffix), { headers: { authorization: `Bearer ${api.ownerToken}` } })
  return { type: response.headers.get('content-type'), name: response.headers.get('content-disposition'), lines: (await response.text()).split('\n') }
}
const record = (action: string, details: Record<string, unknown> = {}, targetId: string = newId()) =>
  recordAudit(api.database.db, api.organisationId, actor, { action, targetType: 'thing', targetId, details })

describe('the audit', () => {
  it('says who changed what, by which token', async () => {
    const serverId = await makeServer(api)
    const { items } = await events(`?targetId=${serverId}`)
    expect(items).toMatchObject([{ action: 'server.adopted', targetType: 'server', targetId: serverId, actor: { ...actor, email: 'owner@localhost', tokenName: 'first token' } }])
  })

  it('is filtered by who, what, on what and when, and by all of it', async () => {
    const targetId = newId<string>()
    for (const action of ['thing.made', 'thing.changed', 'thing.changed']) await record(action, {}, targetId)
    const count = async (query: string) => (await events(`?limit=100&targetId=${targetId}&${query}`)).items.length
    const [oldest, middle] = (await events(`?targetId=${targetId}`)).items.toReversed()
    expect(await count('action=thing.changed')).toBe(2)
    expect(await count('action=thing.made&targetType=thing')).toBe(1)
    expect(await count('targetType=server')).toBe(0)
    expect(await count('actor=OWNER@localhost')).toBe(3)
    expect(await count(`actor=${actor.userId}&action=thing.made`)).toBe(1)
    expect(await count(`actor=${actor.tokenId}`)).toBe(3)
    expect(await count(`actor=${newId()}`)).toBe(0)
    expect(await count('actor=nobody@localhost')).toBe(0)
    expect(await count(`since=${middle!.at}`)).toBeGreaterThanOrEqual(2)
    expect(await count(`until=${oldest!.at}`)).toBe(0)
    expect(await count('since=2000-01-01T00:00:00Z&until=2001-01-01T00:00:00%2B02:00')).toBe(0)
  })

  it.each(['actor=ada', 'targetId=1', 'since=yesterday', 'until=2026-11-22', 'who=me', 'limit=0'])('refuses %s, naming it', async (query) => {
    expect((await api.ask('GET', path(`?${query}`))).body).toMatchObject({ status: 422, errors: [{ field: query.split('=')[0] }] })
  })

  it('is of one organisation', async () => {
    const other = await api.anotherOrganisation()
    await api.ask('POST', `${other.root}/git-host-keys`, { token: other.token, body: { host: 'theirs.example.com', key: someHostKey } })
    const theirs = await api.ask<{ items: Event[] }>('GET', `${other.root}/audit-events`, { token: other.token })
    expect(theirs.body.items).toMatchObject([{ action: 'git_host_key.confirmed' }])
    expect(JSON.stringify(await events('?limit=100'))).not.toContain('theirs.example.com')
  })
})

describe('an export', () => {
  it('has everything that the list has, however long it is, in its order', async () => {
    const before = (await text('.jsonl')).lines.length
    await Promise.all(Array.from({ length: 1100 }, (_, index) => record('thing.counted', { index })))
    const { type, name, lines } = await text('.jsonl')
    expect([type, name, lines.length]).toEqual(['application/jsonl', 'attachment; filename="audit.jsonl"', before + 1100])
    expect(lines.at(-1)).toBe('')
    const ids = lines.slice(0, -1).map((line) => (JSON.parse(line) as Event).id)
    expect(ids).toEqual(ids.toSorted().toReversed())
    expect((await events('?limit=100')).items).toEqual(lines.slice(0, 100).map((line) => JSON.parse(line) as Event))
    expect((await text('.csv?action=thing.counted')).lines).toHaveLength(1102)
  })

  it('for a spreadsheet has headings, quotes what it must, and no formula', async () => {
    await record('=cmd|calc', { note: 'a "quote", and\nmore' })
    const { type, lines } = await text('.csv?action=%3Dcmd%7Ccalc')
    expect(type).toBe('text/csv; charset=utf-8')
    expect(lines[0]).toBe('at,action,targetType,targetId,email,userId,tokenName,tokenId,details,id\r')
    expect(lines[1]).toMatch(/^\S+Z,'=cmd\|calc,thing,/)
    expect(lines[1]).toContain('"{""note"":""a \\""quote\\"", and\\nmore""}"')
    expect((await text('.csv?action=nothing')).lines).toEqual([lines[0], ''])
  })

  it('is read by admins and owners', async () => {
    for (const [role, status] of [['viewer', 403], ['deployer', 403], ['admin', 200], ['owner', 200]] as const) {
      const headers = { authorization: `Bearer ${await api.tokenOf(role)}` }
      for (const suffix of ['', '.csv', '.jsonl']) expect((await api.app.request(path(suffix), { headers })).status, `${role} ${suffix}`).toBe(status)
    }
  })

  it('stops reading when nobody takes it any more', async () => {
    const response = await api.app.request(path('.jsonl'), { headers: { authorization: `Bearer ${api.ownerToken}` } })
    const reader = response.body!.getReader()
    await reader.read()
    const before = api.database.queries()
    await reader.cancel()
    expect(api.database.queries() - before).toBeLessThan(2)
  })
})
