import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serverWish, someHostKey, type WithOperation } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi

beforeAll(async () => {
  api = await createTestApi()
})
afterAll(() => api.close())

const post = (key: string, body: object, { path = '/servers', token = api.ownerToken } = {}) =>
  api.ask<WithOperation & { code: string }>('POST', `${api.root}${path}`, { body, token, headers: { 'idempotency-key': key } })

describe('a request that is sent again with its Idempotency-Key', () => {
  it('has one effect and the same answer', async () => {
    const wish = serverWish()
    const first = await post('adopt-1', wish)
    const stored = await api.stored()
    const again = await post('adopt-1', wish)
    expect([first.status, again.status]).toEqual([202, 202])
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('location')).toBe(first.headers.get('location'))
    expect([first.headers.get('idempotency-replayed'), again.headers.get('idempotency-replayed')]).toEqual([null, 'true'])
    expect(await api.stored()).toEqual(stored)
  })

  it('has one effect even when all come at once', async () => {
    const wish = serverWish()
    const answers = await Promise.all(Array.from({ length: 8 }, () => post('adopt-8', wish)))
    expect(new Set(answers.map(({ body }) => body.operation.id)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1)
  })

  it('is refused with another body, another address, or by somebody else', async () => {
    const wish = serverWish()
    await post('adopt-2', wish)
    const stored = await api.stored()
    const colleague = await api.tokenOf('owner')
    const others = [await post('adopt-2', serverWish()), await post('adopt-2', wish, { path: '/applications' }), await post('adopt-2', wish, { token: colleague })]
    for (const { body } of others) expect(body).toMatchObject({ status: 422, code: 'idempotency_key_reused', errors: [{ field: 'idempotency-key' }] })
    expect({ ...(await api.stored()), users: '', memberships: '' }).toEqual({ ...stored, users: '', memberships: '' })
  })

  it('is tried anew where it was refused before', async () => {
    const wish = serverWish()
    expect((await post('adopt-3', { ...wish, name: 'Not A Name' })).status).toBe(422)
    expect((await post('adopt-3', wish)).status).toBe(202)
  })

  it('is apart from requests of another organisation with the same key', async () => {
    const other = await api.anotherOrganisation()
    await post('shared', { host: 'git.example.com', key: someHostKey }, { path: '/git-host-keys' })
    const theirs = await api.ask('POST', `${other.root}/git-host-keys`, {
      ...{ token: other.token, body: { host: 'git.example.com', key: someHostKey } },
      headers: { 'idempotency-key': 'shared' },
    })
    expect([theirs.status, theirs.headers.get('idempotency-replayed')]).toEqual([201, null])
  })

  it('creates one organisation', async () => {
    const create = () => api.ask<{ id: string }>('POST', '/organisations', { body: { name: 'once' }, headers: { 'idempotency-key': 'organisation-1' } })
    const answers = await Promise.all([create(), create(), create()])
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    const renamed = await api.ask('POST', '/organisations', { body: { name: 'twice' }, headers: { 'idempotency-key': 'organisation-1' } })
    expect(renamed.body).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
  })

  it.each(['two words', 'x'.repeat(256)])('does not take %j for a key', async (key) => {
    const stored = await api.stored()
    const { body } = await post(key, { host: 'git.example.com', key: someHostKey }, { path: '/git-host-keys' })
    expect(body).toMatchObject({ status: 422, code: 'invalid_input', errors: [{ field: 'idempotency-key' }] })
    expect(await api.stored()).toEqual(stored)
  })
})
