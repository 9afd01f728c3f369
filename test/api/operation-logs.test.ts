import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { operationEvents } from '../../api/operation-events.ts'
import { createOperationFeed, type OperationFeed } from '../../api/operation-feed.ts'
import { createOperationChanges } from '../../db/operation-changes.ts'
import { operationOf } from '../../db/operation-views.ts'
import { beginOperation } from '../../db/operations/begin.ts'
import { finishOperation } from '../../db/operations/finish.ts'
import { notifyOperation } from '../../db/operations/notify.ts'
import { appendLog, endStep, startStep } from '../../db/operations/steps.ts'
import { connect, type Connection } from '../../db/connect.ts'
import { logStart } from '../../domain/log-cursor.ts'
import type { OperationId, ServerId } from '../../domain/ids.ts'
import { serverWish, type Made, type WithOperation } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'
import { openEvents, type Event } from './events.ts'

const mostViewers = 20

let api: TestApi
/** The worker has connections of its own, as it has a process of its own. */
let worker: Connection
let operationId: OperationId
let serverId: ServerId

beforeAll(async () => {
  api = await createTestApi({ mostViewers })
  worker = connect(api.database.url, 3)
})
beforeEach(async () => {
  const made = await api.make<WithOperation & { server: Made<ServerId> }>(`${api.root}/servers`, serverWish())
  operationId = made.operation.id
  serverId = made.server.id
  await beginOperation(worker.db, operationId, 'run-1')
})
afterAll(async () => {
  await worker.close()
  await api.close()
})

const path = () => `${api.root}/operations/${operationId}`
const step = (order: number, name: string) => startStep(worker.db, { operationId, order, name, serverId, user: 'keystone', script: '' })

/** Writes as the worker does: stored, then told. */
async function write(stepId: string, rawOffset: number, text: string, { stream = 'out', run = 1, db = worker.db }: { stream?: 'out' | 'err'; run?: number; db?: Connection['db'] } = {}) {
  const bytes = Buffer.from(text)
  expect(await appendLog(db, { stepId, run, stream, rawOffset, rawLength: bytes.length, bytes })).toBe(true)
  await notifyOperation(db, operationId)
}

interface Chunk {
  stepId: string
  run: number
  stream: string
  offset: number
  text: string
}

interface LogPage {
  items: Chunk[]
  cursor: string
  hasMore: boolean
}

const logs = async (after = '') => (await api.ask<LogPage>('GET', `${path()}/logs${after && `?after=${after}`}`)).body
const texts = (events: readonly Event[]) => events.filter(({ event }) => event === 'logs').flatMap(({ data }) => (data as Chunk[]).map(({ text }) => text))

describe('logs', () => {
  it('go on where the cursor of the last page stands', async () => {
    const build = await step(1, 'build')
    await write(build, 0, 'one\n')
    await write(build, 0, 'oops\n', { stream: 'err' })
    const first = await logs()
    expect(first.items).toEqual([
      { stepId: build, run: 1, stream: 'out', offset: 0, text: 'one\n' },
      { stepId: build, run: 1, stream: 'err', offset: 0, text: 'oops\n' },
    ])
    expect(first.hasMore).toBe(false)
    expect((await logs(first.cursor)).items).toEqual([])
    await write(build, 4, 'two\n')
    expect((await logs(first.cursor)).items.map(({ text }) => text)).toEqual(['two\n'])
  })

  it('come in pages', async () => {
    const build = await step(1, 'build')
    const lines = Array.from({ length: 450 }, (_, number) => `line ${number}\n`)
    let offset = 0
    for (const line of lines) {
      await appendLog(worker.db, { stepId: build, run: 1, stream: 'out', rawOffset: offset, rawLength: line.length, bytes: Buffer.from(line) })
      offset += line.length
    }
    const seen: string[] = []
    let page = await logs()
    seen.push(...page.items.map(({ text }) => text))
    while (page.hasMore) {
      page = await logs(page.cursor)
      seen.push(...page.items.map(({ text }) => text))
    }
    expect(seen).toEqual(lines)
  })

  it('miss no chunk that is committed late with a lower number', async () => {
    const [build, migrate] = [await step(1, 'build'), await step(2, 'migrate')]
    await write(build, 0, 'b1 ')
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const late = worker.db.transaction(async (tx) => {
      await write(migrate, 0, 'm1 ', { db: tx })
      await held
    })
    await expect.poll(() => worker.sql`select 1 from pg_stat_activity where state = 'idle in transaction' and datname = current_database()`).toHaveLength(1)
    await write(build, 3, 'b2 ')
    const first = await logs()
    expect(first.items.map(({ text }) => text)).toEqual(['b1 ', 'b2 '])
    release()
    await late
    const second = await logs(first.cursor)
    expect(second.items.map(({ text }) => text)).toEqual(['m1 '])
    await endStep(worker.db, migrate, { status: 'succeeded' })
    expect((await logs(second.cursor)).items).toEqual([])
  })

  it('keep the runs of a step apart', async () => {
    const build = await step(1, 'build')
    await write(build, 0, 'before the reboot')
    const { cursor } = await logs()
    await write(build, 0, 'after it', { run: 2 })
    expect((await logs(cursor)).items).toMatchObject([{ run: 2, offset: 0, text: 'after it' }])
  })

  it('are text for a terminal, a heading where the step changes', async () => {
    const [build, migrate] = [await step(1, 'build image'), await step(2, 'migrate')]
    await write(build, 0, 'one\n')
    await write(build, 4, 'two\n')
    await write(migrate, 0, 'done\n')
    const response = await api.app.request(`${path()}/logs.txt`, { headers: { authorization: `Bearer ${api.ownerToken}` } })
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(await response.text()).toMatch(/^==> build image on server-\w+ <==\none\ntwo\n==> migrate on server-\w+ <==\ndone\n$/)
  })

  it.each(['1;drop', '-1', '9'.repeat(30), '5_x:1o2', `0_${'0'.repeat(36)}:1o2`, '0_../../etc'])('refuse %j as a cursor', async (cursor) => {
    const { body } = await api.ask('GET', `${path()}/logs?after=${encodeURIComponent(cursor)}`)
    expect(body).toMatchObject({ status: 422, errors: [{ field: 'after' }] })
  })
})

describe('events', () => {
  it('tell the tree, each piece of output once, and the end, to everybody who watches', async () => {
    const watchers = await Promise.all([openEvents(api, path()), openEvents(api, path())])
    for (const watcher of watchers) expect(await watcher.until(({ event }) => event === 'operation')).toMatchObject({ data: { status: 'running', steps: [] } })
    const build = await step(1, 'build')
    await write(build, 0, 'one\n')
    for (const watcher of watchers) await watcher.until(({ event }) => event === 'logs')
    await write(build, 4, 'two\n')
    await endStep(worker.db, build, { status: 'succeeded', run: 1, exitCode: 0 })
    await finishOperation(worker.db, operationId, { status: 'succeeded', outcome: 'deployed' })
    for (const watcher of watchers) {
      const all = await watcher.rest()
      expect(texts(all)).toEqual(['one\n', 'two\n'])
      expect(all.at(-1)).toMatchObject({ event: 'end', data: { status: 'succeeded' } })
      expect(all.findLast(({ event }) => event === 'operation')).toMatchObject({ data: { status: 'succeeded', outcome: 'deployed', steps: [{ name: 'build', status: 'succeeded' }] } })
    }
  })

  it('go on behind Last-Event-ID without a gap and without a repetition', async () => {
    const build = await step(1, 'build')
    await write(build, 0, 'one ')
    const first = await openEvents(api, path())
    const { id } = await first.until(({ event }) => event === 'logs')
    await first.leave()
    await write(build, 4, 'two ')
    const second = await openEvents(api, path(), id)
    await second.until(({ event }) => event === 'logs')
    await write(build, 8, 'three')
    await finishOperation(worker.db, operationId, { status: 'succeeded' })
    expect(texts(await second.rest())).toEqual(['two ', 'three'])
  })

  it('tell a step before its output, also one that began when the tree had just been read', async () => {
    const { db, sql } = worker
    const feed = createOperationFeed({ db, temporal: { namespace: 'default', webUrl: null } })
    let reads = 0
    const late: OperationFeed = {
      async tree(operation, since) {
        const tree = await feed.tree(operation, since)
        if (++reads === 1) await write(await step(1, 'build'), 0, 'one\n')
        return tree
      },
      logs: feed.logs,
    }
    const operation = (await operationOf(db, api.organisationId, operationId))!
    const told: string[] = []
    for await (const bytes of operationEvents(operation, { feed: late, changes: createOperationChanges(sql), signal: new AbortController().signal, from: logStart })) {
      const [, event = '', data = ''] = /event: (.*)\n(?:id: .*\n)?data: (.*)/.exec(Buffer.from(bytes).toString()) ?? []
      told.push(event === 'operation' ? `${event} ${JSON.parse(data).steps.map(({ name }: { name: string }) => name)}` : event)
      if (event === 'logs') await finishOperation(db, operationId, { status: 'succeeded' })
    }
    expect(told).toEqual(['operation ', 'operation build', 'logs', 'operation build', 'end'])
  })

  it('of an operation that has ended are told at once', async () => {
    await write(await step(1, 'build'), 0, 'all of it')
    await finishOperation(worker.db, operationId, { status: 'cancelled' })
    const events = await (await openEvents(api, path())).rest()
    expect(events.map(({ event }) => event)).toEqual(['operation', 'logs', 'end'])
  })

  it('come at most every 100 ms, however often something happens', async () => {
    const build = await step(1, 'build')
    const watcher = await openEvents(api, path())
    await watcher.until(({ event }) => event === 'operation')
    const began = performance.now()
    for (let number = 0; number < 100; number += 1) await write(build, number, 'x')
    await finishOperation(worker.db, operationId, { status: 'succeeded' })
    const told = (await watcher.rest()).filter(({ event }) => event === 'logs')
    expect(texts(told).join('')).toBe('x'.repeat(100))
    expect(told.length).toBeLessThanOrEqual((performance.now() - began) / 100 + 1)
  })

  it('go on when the connection that listens was cut', async () => {
    const watcher = await openEvents(api, path())
    await watcher.until(({ event }) => event === 'operation')
    const cut = await worker.sql`
      select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'`
    expect(cut.length).toBeGreaterThan(0)
    await write(await step(1, 'build'), 0, 'still here')
    await watcher.until(({ event }) => event === 'logs')
    await finishOperation(worker.db, operationId, { status: 'succeeded' })
    expect(texts(await watcher.rest())).toEqual(['still here'])
  })

  /** As soon as those who watched before have gone. */
  const opened = () => vi.waitFor(() => openEvents(api, path()))

  it('are read once for all who watch', async () => {
    const build = await step(1, 'build')
    const watchers = await Promise.all(Array.from({ length: mostViewers }, opened))
    for (const watcher of watchers) await watcher.until(({ event }) => event === 'operation')
    const before = api.database.queries()
    await write(build, 0, 'one')
    for (const watcher of watchers) await watcher.until(({ event }) => event === 'logs')
    // Of his own each would need two for the tree and three for a page; shared, measured were about 10 in all.
    expect(api.database.queries() - before).toBeLessThan(2 * mostViewers)
    for (const watcher of watchers) await watcher.leave()
  })

  it('are refused to one viewer more than there may be, until another one leaves', async () => {
    const watchers = await Promise.all(Array.from({ length: mostViewers }, opened))
    for (const watcher of watchers) await watcher.until(({ event }) => event === 'operation')
    const { status, headers, body } = await api.ask('GET', `${path()}/events`)
    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'too_many_viewers', '5'])
    await watchers[0]!.leave()
    const next = await opened()
    await next.until(({ event }) => event === 'operation')
    for (const watcher of [...watchers.slice(1), next]) await watcher.leave()
  })

  it('and logs begin anew for a cursor that is ahead of the database, which has been set back', async () => {
    await write(await step(1, 'build'), 0, 'one')
    for (const answer of [await api.ask('GET', `${path()}/events`, { headers: { 'last-event-id': '900000000000' } }), await api.ask('GET', `${path()}/logs?after=900000000000`)]) {
      expect([answer.status, answer.body.code]).toEqual([410, 'cursor_unknown'])
    }
  })

  it('refuse a Last-Event-ID that is none', async () => {
    const { body } = await api.ask('GET', `${path()}/events`, { headers: { 'last-event-id': 'yesterday' } })
    expect(body).toMatchObject({ status: 422, errors: [{ field: 'last-event-id' }] })
  })
})
