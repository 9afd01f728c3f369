import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { idOf } from '../../db/ids.ts'
import { recordFindings } from '../../db/drift.ts'
import type { ServerId } from '../../domain/ids.ts'
import { makeServer } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let serverId: ServerId

beforeAll(async () => {
  api = await createTestApi()
  serverId = idOf<ServerId>(await makeServer(api))
})
afterAll(() => api.close())

const finding = { code: 'file_changed', environmentId: null, serviceId: null, replicaId: null, message: 'changed', hint: 'Restart web.', expected: 'aa', found: 'bb' } as const
const record = (subjects: string[], at: Date) =>
  api.database.db.transaction((tx) =>
    recordFindings(tx, { id: serverId, organisationId: api.organisationId }, { findings: subjects.map((subject) => ({ ...finding, subject })), at, isLeft: () => false }),
  )
const ask = (path: string, options: { token?: string } = {}, root = api.root) => api.ask<{ items: { subject: string }[] }>('GET', `${root}/${path}`, options)
const subjects = async (query: string) => (await ask(`drift${query}`)).body.items.map(({ subject }) => subject).toSorted()

describe('drift', () => {
  it('is what is open, or over, or both, for viewers too', async () => {
    await record(['/a', '/b'], new Date(1000))
    await record(['/a', '/c'], new Date(2000))
    expect([await subjects(''), await subjects('?state=resolved'), await subjects('?state=all')]).toEqual([['/a', '/c'], ['/b'], ['/a', '/b', '/c']])
    const { status, body } = await ask(`drift?state=resolved&serverId=${serverId}`, { token: await api.tokenOf('viewer') })
    expect([status, body.items]).toEqual([
      200,
      [{ ...finding, id: expect.any(String), subject: '/b', server: { id: serverId, name: expect.any(String) }, firstSeenAt: new Date(1000).toISOString(), lastSeenAt: new Date(1000).toISOString(), resolvedAt: new Date(2000).toISOString() }],
    ])
  })

  it('says which state there can be', async () => {
    expect(await ask('drift?state=closed')).toMatchObject({ status: 422, body: { errors: [{ field: 'state' }] } })
  })

  it('is nobody else\'s', async () => {
    const stranger = await api.anotherOrganisation()
    expect((await ask('drift', { token: stranger.token }, stranger.root)).body.items).toEqual([])
  })
})
