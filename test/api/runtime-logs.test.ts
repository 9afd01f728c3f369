import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EnvironmentId } from '../../domain/ids.ts'
import { until } from '../lab/until.ts'
import { type Event, openEvents } from './events.ts'
import { type LogServer, openLogServer } from './log-server.ts'
import { freePrivateAddress, makeEnvironment, makeServer } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

interface Line {
  at: string
  service: string
  server: string
  replicaId: string
  isScheduler: boolean
  stream: string
  text: string
}

interface Logs {
  items: Line[]
  silent: { server: string; code: string }[]
  isCut: boolean
}

let api: TestApi
let one: LogServer
let two: LogServer
let environmentId: EnvironmentId
let web: { id: string; name: string }
let names: [string, string]

beforeAll(async () => {
  api = await createTestApi()
})
beforeEach(async () => {
  ;[one, two] = await Promise.all([openLogServer(), openLogServer()])
  const serverIds = [await managed(one, '127.0.0.1'), await managed(two, 'localhost')]
  names = await Promise.all(serverIds.map(async (id) => (await api.ask<{ name: string }>('GET', `${api.root}/servers/${id}`)).body.name)) as [string, string]
  environmentId = await makeEnvironment(api, { serverIds })
  const [service] = await api.database.sql<{ id: string; name: string }[]>`select id, name from services where environment_id = ${environmentId}`
  web = service!
})
afterEach(async () => {
  await api.database.sql`update servers set status = 'removed'`
  await Promise.all([one.close(), two.close()])
})
afterAll(() => api.close())

/** Adopted, as far as the API is concerned. */
async function managed(server: LogServer, address: string): Promise<string> {
  const id = await makeServer(api, { privateAddress: freePrivateAddress(), address, sshPort: server.port, hostKey: server.hostKey })
  const [row] = await api.database.sql`update servers set status = 'active', architecture = 'amd64' where id = ${id} returning management_key_public as key`
  server.letIn(String(row!.key))
  return id
}

const path = () => `${api.root}/environments/${environmentId}/logs`
const read = async (query = '') => (await api.ask<Logs>('GET', `${path()}${query}`)).body
const second = (number: number) => `2026-01-01T00:00:0${number}.000000000Z`
const container = (id: string, overrides: { isScheduler?: boolean; serviceId?: string } = {}) => ({ id, serviceId: web.id, replicaId: randomUUID(), ...overrides })
const texts = (events: readonly Event[]) => events.flatMap(({ event, data }) => (event === 'lines' ? (data as Line[]).map(({ text }) => text) : []))

describe('logs of an environment', () => {
  it('are those of all its containers on all its servers, by time', async () => {
    const [first, other] = [container('a'), container('b', { isScheduler: true })]
    await one.has(first, [`${second(1)} one`, `${second(3)} three`], [`${second(4)} oops`])
    await two.has(other, [`${second(2)} two`, `${second(5)} `])
    const { items, silent, isCut } = await read()
    const lines = items.map(({ at, service, server, replicaId, isScheduler, stream, text }) => [at, service, server, replicaId, isScheduler, stream, text])
    expect(lines).toEqual([
      [second(1), web.name, names[0], first.replicaId, false, 'out', 'one'],
      [second(2), web.name, names[1], other.replicaId, true, 'out', 'two'],
      [second(3), web.name, names[0], first.replicaId, false, 'out', 'three'],
      [second(4), web.name, names[0], first.replicaId, false, 'err', 'oops'],
      [second(5), web.name, names[1], other.replicaId, true, 'out', ''],
    ])
    expect({ silent, isCut }).toEqual({ silent: [], isCut: false })
  })

  it('have no secret that the environment has, however long a line is', async () => {
    await api.ask('PUT', `${api.root}/environments/${environmentId}/variables/MAIL_PASSWORD`, { body: { value: 'correct horse' } })
    await one.has(container('a'), [`${second(1)} ${'ä'.repeat(4000)} correct horse`])
    expect((await read()).items.map(({ text }) => text)).toEqual([`${'ä'.repeat(4000)} [secret]`])
  })

  it('are read as far as is asked for', async () => {
    await one.has(container('a'), [`${second(1)} one`, `${second(2)} two`])
    expect((await read('?tail=1&since=2d')).items.map(({ text }) => text)).toEqual(['two'])
    expect((await one.asked())[0]).toMatch(/^logs --timestamps --tail 1 --since 48h --until \d+\.\d{9} a$/)
  })

  it('of a server that does not answer are missing, and those of the others are not', async () => {
    await two.has(container('b'), [`${second(2)} two`])
    await one.close()
    expect(await read()).toMatchObject({ items: [{ text: 'two' }], silent: [{ server: names[0], code: 'unreachable' }] })
    one = await openLogServer()
  })

  it('of a server with another host key are not read', async () => {
    await one.has(container('a'), [`${second(1)} one`])
    await api.database.sql`update servers set host_key = ${two.hostKey} where name = ${names[0]}`
    expect(await read()).toMatchObject({ items: [], silent: [{ server: names[0], code: 'host_key_changed' }] })
  })

  it('are for deployers', async () => {
    expect((await api.ask('GET', path(), { token: await api.tokenOf('viewer') })).status).toBe(403)
    expect((await api.ask('GET', path(), { token: await api.tokenOf('deployer') })).status).toBe(200)
  })

  it.each([
    ['tail=1001', 'tail'],
    ['since=yesterday', 'since'],
    [`serviceId=${randomUUID()}`, 'serviceId'],
    [`replicaId=${randomUUID()}`, 'replicaId'],
  ])('are refused for %s, with the field', async (query, field) => {
    expect((await api.ask('GET', `${path()}?${query}`)).body).toMatchObject({ status: 422, errors: [{ field }] })
  })
})

describe('logs that are followed', () => {
  it('go on with what comes, also from containers that are started later, until the viewer goes', async () => {
    await one.has(container('a'), [`${second(2)} two`])
    await two.has(container('b'), [`${second(1)} one`])
    const events = await openEvents(api, path())
    expect((await events.until(({ event }) => event === 'lines')).id).toBe(second(2))
    await one.writes('a', `${second(3)} three`)
    await events.until((event) => texts([event]).includes('three'))
    await two.starts(container('c'))
    await two.writes('c', `${second(4)} four`)
    await events.until((event) => texts([event]).includes('four'))
    expect(one.running() + two.running()).toBe(2)
    await events.leave()
    await until('the commands on the servers to end', async () => one.running() + two.running() === 0)
  })

  it('of a container that is started later are masked with what it was started with', async () => {
    await one.has(container('a'), [`${second(1)} one`])
    const events = await openEvents(api, path())
    await events.until(({ event }) => event === 'lines')
    await api.ask('PUT', `${api.root}/environments/${environmentId}/variables/MAIL_PASSWORD`, { body: { value: 'battery staple' } })
    await one.starts(container('c'))
    await one.writes('c', `${second(4)} it is battery staple`)
    await events.until((event) => texts([event]).includes('it is [secret]'))
    await events.leave()
  })

  it('go on behind Last-Event-ID', async () => {
    await one.has(container('a'), [`${second(2)} two`])
    const events = await openEvents(api, path(), '2026-01-01T00:00:01.123456789Z')
    await events.until(({ event }) => event === 'lines')
    await events.leave()
    expect((await one.asked())[0]).toContain('--tail 1000 --since 2026-01-01T00:00:01.123456790Z')
  })

  it('tell of a server that is lost, once, and go on with it when it is back, with nothing left out or told twice', async () => {
    await one.has(container('a'), [`${second(2)} two`])
    const events = await openEvents(api, path())
    await events.until(({ event }) => event === 'lines')
    one.cut()
    expect(await events.until(({ event }) => event === 'silent')).toMatchObject({ data: { server: names[0], code: 'connection_lost' } })
    await one.has(container('b'), [`${second(1)} late`])
    expect(texts([await events.until(({ event }) => event === 'lines')])).toEqual(['late'])
    expect(await one.asked()).toContainEqual(expect.stringContaining('--since 2025-12-31T23:59:02.000Z'))
    await events.leave()
  })

  it('are followed by so many at once, and by others when these have gone', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => openEvents(api, path())))
    const { status, body, headers } = await api.ask('GET', path())
    expect({ status, code: body.code, after: headers.get('retry-after') }).toEqual({ status: 429, code: 'too_many_viewers', after: '10' })
    await all[0]!.leave()
    await until('one to have gone', async () => (await api.ask('GET', path())).status === 200)
    for (const events of all) await events.leave()
  })
})
