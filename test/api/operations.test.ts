import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { childId } from '../../db/ids.ts'
import { beginOperation, operationById } from '../../db/operations/begin.ts'
import { finishOperation, warn } from '../../db/operations/finish.ts'
import { requestRecovery } from '../../db/operations/recover.ts'
import { endStep, startStep } from '../../db/operations/steps.ts'
import { operations } from '../../db/schema/index.ts'
import type { OperationId, ServerId } from '../../domain/ids.ts'
import { makeServer, serverWish, type Made, type WithOperation } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi

beforeAll(async () => {
  api = await createTestApi()
})
afterAll(() => api.close())

/** A server and the operation that provisions it. */
async function provision() {
  const { server, operation } = await api.make<WithOperation & { server: Made<ServerId> & { name: string } }>(`${api.root}/servers`, serverWish())
  return { server, id: operation.id, path: `${api.root}/operations/${operation.id}` }
}

interface Tree {
  id: string
  status: string
  steps: { name: string; status: string; exitCode: number | null; server: { name: string } | null }[]
  children: Tree[]
  [member: string]: unknown
}

describe('an operation', () => {
  it('tells its whole tree: steps with their servers, children, warnings, failure, and where Temporal shows it', async () => {
    const { db } = api.database
    const { server, id, path } = await provision()
    await beginOperation(db, id, 'run-1')
    const childOperationId = childId<OperationId>(id, 'service_deploy')
    const { sequence, ...parent } = await operationById(db, id)
    await db.insert(operations).values({ ...parent, id: childOperationId, parentId: id, kind: 'service_deploy', hash: '0123456789ab', summary: 'child' })
    const stepId = await startStep(db, { operationId: childOperationId, order: 1, name: 'build image', serverId: server.id, user: 'keystone', script: 'exit 3' })
    await endStep(db, stepId, { status: 'failed', run: 1, exitCode: 3 })
    await warn(db, id, 'a sentence of before warnings had codes')
    await warn(db, id, { code: 'not_pruned', message: 'the disk is in use' })
    const failure = { code: 'step_failed', message: 'build image failed', server: server.name, step: 'build image', exitCode: 3, tail: 'no such file', hint: 'look at the log' }
    await finishOperation(db, id, { status: 'failed', failure })
    const { body } = await api.ask<Tree>('GET', path)
    expect(body).toMatchObject({
      ...{ id, status: 'failed', parentId: null, failure },
      warnings: [
        { code: 'note', message: 'a sentence of before warnings had codes', hint: null, request: null },
        { code: 'not_pruned', message: 'the disk is in use', hint: null, request: null },
      ],
      temporal: {
        ...{ workflowId: `server_provision/${id}`, namespace: 'default' },
        webUrl: `http://temporal.test/namespaces/default/workflows/server_provision%2F${id}`,
      },
      children: [{ id: childOperationId, status: 'cancelled', steps: [{ name: 'build image', status: 'failed', exitCode: 3, run: 1, server: { name: server.name } }] }],
    })
    expect(body.finishedAt).toMatch(/^\d{4}-/)
    expect(JSON.stringify(body)).not.toContain('exit 3')
    expect((await api.ask<Tree>('GET', `${api.root}/operations/${childOperationId}`)).body).toEqual(body.children[0])
    const listed = await api.ask<{ items: Tree[] }>('GET', `${api.root}/operations?targetId=${server.id}`)
    expect(listed.body.items.map((operation) => operation.id)).toEqual([id])
  })

  it('is found by status, kind and target, newest first', async () => {
    const serverId = await makeServer(api)
    await api.make(`${api.root}/servers/${serverId}/provision`)
    const found = async (query: string) => (await api.ask<{ items: Tree[] }>('GET', `${api.root}/operations?targetId=${serverId}&${query}`)).body.items
    expect((await found('')).map(({ status }) => status)).toEqual(['queued', 'pending'])
    expect(await found('status=queued&kind=server_provision&targetType=server')).toHaveLength(1)
    expect(await found('kind=environment_deploy')).toEqual([])
  })

  it('stands in the order of the requests on every page, also where its id is derived from another one', async () => {
    const requested: string[] = []
    for (const run of ['run-1', 'run-2']) {
      const { id } = await provision()
      await beginOperation(api.database.db, id, run)
      await requestRecovery(api.database.db, id, 'the test wants it')
      requested.unshift(childId(id, 'operation_recover'), id)
    }
    const seen: string[] = []
    for (let cursor = ''; seen.length < requested.length; cursor = `&cursor=${seen.at(-1)}`) {
      const { body } = await api.ask<{ items: Tree[]; nextCursor: string }>('GET', `${api.root}/operations?limit=1${cursor}`)
      expect(body.nextCursor).toBe(body.items[0]?.id)
      seen.push(body.nextCursor)
    }
    expect(seen).toEqual(requested)
  })

  it('is a 404 from another organisation', async () => {
    const { id } = await provision()
    const other = await api.anotherOrganisation()
    for (const [method, path] of [['GET', ''], ['GET', '/logs'], ['GET', '/logs.txt'], ['GET', '/events'], ['POST', '/cancel'], ['POST', '/retry']] as const) {
      const { body } = await api.ask(method, `${other.root}/operations/${id}${path}`, { token: other.token })
      expect(body).toMatchObject({ status: 404, code: 'operation_not_found' })
    }
  })
})

describe('a cancel', () => {
  const cancel = (path: string, token = api.ownerToken) => api.ask<Tree & { code: string }>('POST', `${path}/cancel`, { token })

  it('ends at once what only waited', async () => {
    const { server } = await provision()
    const waiting = await api.make(`${api.root}/servers/${server.id}/provision`)
    const { status, body } = await cancel(`${api.root}/operations/${waiting.id}`)
    expect([status, body.status]).toEqual([202, 'cancelled'])
  })

  it('is a wish where the operation runs, and the same wish when it is sent again', async () => {
    const { id, path } = await provision()
    await beginOperation(api.database.db, id, 'run-1')
    const first = await cancel(path)
    expect([first.status, first.body.status, typeof first.body.cancelRequestedAt]).toEqual([202, 'running', 'string'])
    expect((await cancel(path)).body.cancelRequestedAt).toBe(first.body.cancelRequestedAt)
  })

  it('comes too late once users see the new version, or the operation has ended', async () => {
    const { id, path } = await provision()
    await beginOperation(api.database.db, id, 'run-1')
    await api.database.sql`update operations set committed_at = now() where id = ${id}`
    const before = await api.stored()
    expect((await cancel(path)).body).toMatchObject({ status: 409, code: 'already_live' })
    await finishOperation(api.database.db, id, { status: 'succeeded' })
    expect((await cancel(path)).body).toMatchObject({ status: 409, code: 'already_ended' })
    expect((await api.stored()).audit_events).toBe(before.audit_events)
  })

  it('needs the role that may start the operation', async () => {
    const { path } = await provision()
    expect((await cancel(path, await api.tokenOf('viewer'))).status).toBe(403)
    expect((await cancel(path, await api.tokenOf('deployer'))).body).toMatchObject({ status: 403, code: 'role_required' })
    expect((await cancel(path, await api.tokenOf('admin'))).status).toBe(202)
  })
})

describe('a retry', () => {
  const retry = (path: string) => api.ask<Tree & { code: string }>('POST', `${path}/retry`)

  it('is a new operation with the same target, input and locks; the old one stays', async () => {
    const { server, id, path } = await provision()
    await api.ask('POST', `${path}/cancel`)
    await finishOperation(api.database.db, id, { status: 'cancelled' })
    const { status, body } = await retry(path)
    expect(status).toBe(202)
    expect(body).toMatchObject({ retryOf: id, kind: 'server_provision', targetId: server.id, status: 'pending', summary: `provision ${server.name}` })
    expect((await api.ask<Tree>('GET', path)).body.status).toBe('cancelled')
    const locks = await api.database.sql`select operation_id, key, mode from operation_locks where operation_id in (${id}, ${body.id})`
    expect(locks.map(({ key, mode }) => `${mode} ${key}`)).toEqual([`exclusive server/${server.id}`, `exclusive server/${server.id}`])
  })

  it('is refused while the operation has not ended, and when it went well', async () => {
    const { id, path } = await provision()
    expect((await retry(path)).body).toMatchObject({ status: 409, code: 'not_ended' })
    await beginOperation(api.database.db, id, 'run-1')
    await finishOperation(api.database.db, id, { status: 'succeeded' })
    const before = await api.stored()
    expect((await retry(path)).body).toMatchObject({ status: 409, code: 'already_succeeded' })
    expect(await api.stored()).toEqual(before)
  })
})
