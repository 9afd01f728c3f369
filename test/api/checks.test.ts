import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { childId, newId } from '../../db/ids.ts'
import { warn } from '../../db/operations/finish.ts'
import type { OperationId } from '../../domain/ids.ts'
import { operation } from '../db/rows.ts'
import { makeEnvironment, makeServer } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi

beforeAll(async () => {
  api = await createTestApi()
})
afterAll(() => api.close())

const checks = (environmentId: string, options: { token?: string } = {}, root = api.root) =>
  api.ask<Record<string, unknown>>('GET', `${root}/environments/${environmentId}/checks`, options)

describe('checks of an environment', () => {
  it('are those that its newest plan has found, with what to do and the ready request, for viewers too', async () => {
    const environmentId = await makeEnvironment(api, { serverIds: [await makeServer(api)] })
    expect((await checks(environmentId)).body).toEqual({ items: [], operationId: null, checkedAt: null })
    const { db, sql } = api.database
    const made = async (plan: string | null, id = newId<OperationId>()) => {
      await operation(db, { id, rootId: id, organisationId: api.organisationId, targetId: environmentId })
      await sql`update operations set plan = ${plan}::jsonb where id = ${id}`
      return id
    }
    // As that of a change which a rotation has asked for: it does not sort by time.
    const before = await made('{}', childId<OperationId>(environmentId, 'config_change'))
    await warn(db, before, { code: 'local_disk', message: 'not any more' })
    const newest = await made('{}')
    const request = { method: 'PUT', path: '/variables/QUEUE_CONNECTION', body: { value: 'redis' } } as const
    await warn(db, newest, { code: 'queue_is_sync', message: 'jobs run within requests', hint: 'Set it.', request })
    await warn(db, newest, { code: 'migrations_stay', message: 'happened once' })
    await warn(db, newest, 'a sentence of before')
    await made(null)
    const { status, body } = await checks(environmentId, { token: await api.tokenOf('viewer') })
    expect([status, body]).toEqual([200, {
      items: [{ code: 'queue_is_sync', message: 'jobs run within requests', hint: 'Set it.', request }],
      ...{ operationId: newest, checkedAt: expect.stringMatching(/^\d{4}-/) },
    }])
  })

  it('are a 404 from another organisation', async () => {
    const environmentId = await makeEnvironment(api)
    const stranger = await api.anotherOrganisation()
    expect((await checks(environmentId, { token: stranger.token }, stranger.root)).body).toMatchObject({ status: 404, code: 'environment_not_found' })
  })
})
