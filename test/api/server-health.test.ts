import { afterAll, beforeAll, expect, it } from 'vitest'
import { recordFindings } from '../../db/drift.ts'
import { idOf, newId } from '../../db/ids.ts'
import { recordObservation, recordReachable } from '../../db/observations.ts'
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

const ask = (path: string, options: { token?: string } = {}, root = api.root) => api.ask<Record<string, unknown>>('GET', `${root}/servers/${serverId}${path}`, options)
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000)
const measures = { diskFreeMb: 9000, diskTotalMb: 20_000, memoryAvailableMb: 3000, memoryTotalMb: 4000, load: 0.5, cpus: 2, uptimeSeconds: 9, clockAheadMs: 0, docker: '28.0.1' }
const seen = (minutesAgo: number, changed = {}) =>
  recordObservation(api.database.db, { serverId, runId: newId(), at: ago(minutesAgo) }, { isReachable: true, failure: null, measures: { ...measures, ...changed } })

it('the health of a server is unknown, then what its newest look says, for viewers too', async () => {
  expect((await ask('/health')).body).toMatchObject({ status: 'unknown', reasons: [{ code: 'not_looked_at' }], latest: null })
  await seen(30)
  expect((await ask('/health')).body).toMatchObject({ status: 'unknown', reasons: [{ code: 'not_looked_at' }], latest: { measures } })
  await seen(5)
  const { status, body } = await ask('/health', { token: await api.tokenOf('viewer') })
  expect([status, body]).toEqual([200, { status: 'healthy', reasons: [], latest: { observedAt: expect.any(String), isReachable: true, failure: null, measures } }])
})

it('what differs there makes it degraded, and no answer unreachable', async () => {
  const finding = { code: 'file_changed', subject: '/a', environmentId: null, serviceId: null, replicaId: null, message: '-', hint: '-', expected: null, found: null } as const
  const { db } = api.database
  await db.transaction((tx) => recordFindings(tx, { id: serverId, organisationId: api.organisationId }, { findings: [finding], at: new Date(), isLeft: () => false }))
  expect((await ask('/health')).body).toMatchObject({ status: 'degraded', reasons: [{ code: 'drift', message: expect.stringMatching(/^One thing/) }] })
  await recordObservation(db, { serverId, runId: newId(), at: ago(1) }, { isReachable: false, failure: 'no answer within 10 s', measures: null })
  await api.database.sql`update servers set status = 'active', host_key = '-', architecture = 'amd64' where id = ${serverId}`
  await recordReachable(db, serverId, false)
  expect((await ask('/health')).body).toMatchObject({ status: 'unreachable', reasons: [{ code: 'unreachable', message: 'no answer within 10 s' }] })
  expect((await ask('')).body).toMatchObject({ status: 'unreachable' })
  await recordReachable(db, serverId, true)
  expect((await ask('')).body).toMatchObject({ status: 'active' })
})

it('the looks of the last minutes are its metrics', async () => {
  expect((await ask('/metrics?minutes=20')).body).toMatchObject({ items: [{ isReachable: false }, { isReachable: true, measures }] })
  expect(((await ask('/metrics')).body as { items: unknown[] }).items).toHaveLength(3)
  expect(await ask('/metrics?minutes=0')).toMatchObject({ status: 422, body: { errors: [{ field: 'minutes' }] } })
})

it.each(['/health', '/metrics'])('%s is a 404 from another organisation', async (path) => {
  const stranger = await api.anotherOrganisation()
  expect(await ask(path, { token: stranger.token }, stranger.root)).toMatchObject({ status: 404, body: { code: 'server_not_found' } })
})
