import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../lab/until.ts'
import { freePort } from '../setup/free-port.ts'
import { type Load, type LoadReport, startLoad } from './index.ts'
import { beginMixedLoad } from './mixed-load.ts'
import { loadOptionsSchema } from './report.ts'
import { openSite, type Site } from './site.ts'
import { createTally } from './tally.ts'

let site: Site
let load: Load

const isTo = (path: string) => (request: IncomingMessage) => request.url?.split('?')[0] === path
const drop = ({ socket }: IncomingMessage) => void socket.destroy()
const answerStatus = (status: number) => (_: IncomingMessage, response: ServerResponse) => {
  response.writeHead(status).end('no\n')
}

/** True for a request on a connection that has carried another one. */
function onReused() {
  const seen = new WeakSet()
  return ({ socket }: IncomingMessage) => seen.has(socket) || !seen.add(socket)
}

type Options = Partial<Parameters<typeof startLoad>[0]>

const ofSite = (options: Options) => ({
  ...{ address: '127.0.0.1', port: site.port, domain: 'visits.test', requestsPerSecond: 50, timeoutSeconds: 2 },
  ...{ slowSeconds: 1, slowEverySeconds: 0.5, downloadMb: 1, downloadEverySeconds: 0.5 },
  ...options,
})

/** The same load without a process of its own, which is quicker to begin. */
function start(options: Options = {}): Load {
  const tally = createTally('start')
  const { end } = beginMixedLoad(loadOptionsSchema.parse(ofSite(options)), tally)
  const report = () => Promise.resolve(tally.report())
  return { report, end, mark: (name) => Promise.resolve(tally.mark(name)), stop: () => end().then(report) }
}

/** Loads the site until so much has ended and so often the faults have struck. */
async function loaded(isEnough: (report: LoadReport) => boolean, options: Options = {}): Promise<LoadReport> {
  load = start(options)
  await until('enough of a load', async () => isEnough(await load.report()), 20)
  return load.stop()
}

beforeEach(async () => {
  site = await openSite()
})
afterEach(async () => {
  await load.end()
  await site.close()
})

describe('a load that nothing disturbs', () => {
  it('asks for everything, and finds nothing wrong', async () => {
    load = await startLoad(ofSite({ websocketDomain: 'sockets.test' }))
    await until('all of it', async () => {
      const { requests, websocket } = await load.report()
      return requests > 100 && websocket.messages > 1
    })
    const report = await load.stop()
    const names = ['GET /', 'GET /download', 'GET /page', 'GET /slow', 'GET asset', 'POST /visit', 'websocket']
    expect(Object.keys(report.kinds).toSorted()).toEqual(names)
    expect(report).toMatchObject({ failed: 0, failures: [], retriedIdle: 0, websocket: { closings: [], versions: ['first'] } })
    expect(report.requests).toBe(Object.values(report.kinds).reduce((sum, { requests }) => sum + requests, 0))
    const { 'POST /visit': posts, 'GET /download': downloads, 'GET /slow': slow, websocket } = report.kinds
    const others = report.requests - [downloads, slow, websocket].reduce((sum, kind) => sum + (kind?.requests ?? 0), 0)
    expect((posts?.requests ?? 0) / others).toBeCloseTo(0.1, 1)
    expect(report.visits).toHaveLength(posts?.requests ?? 0)
    expect(site.asked.filter((path) => path === '/visit')).toHaveLength(report.visits.length)
    expect(report.versions).toMatchObject([{ commit: 'first', answers: report.kinds['GET /']?.requests }])
  })

  it('tells windows apart, and who answered when', async () => {
    load = start()
    await until('first answers', async () => (await load.report()).requests > 20)
    await load.mark('during')
    site.commit = 'second'
    await until('other answers', async () => ((await load.report()).windows.during?.requests ?? 0) > 20)
    const { windows, versions } = await load.stop()
    expect(Object.keys(windows)).toEqual(['start', 'during'])
    for (const { p50Ms, p99Ms } of Object.values(windows)) expect(p99Ms).toBeGreaterThanOrEqual(p50Ms ?? Infinity)
    expect(versions.map(({ commit }) => commit)).toEqual(['first', 'second'])
    expect(Date.parse(versions[0]!.lastAt)).toBeLessThanOrEqual(Date.parse(versions[1]!.lastAt))
  })
})

describe('what is wrong with an answer is a failure', () => {
  const cut = (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { 'content-length': 1_000_000 })
    response.write('second 1 of version torn\n', () => response.destroy())
  }
  const wholeWithoutEnd = (_: IncomingMessage, response: ServerResponse) => void response.end('second 1 of version torn\n')
  const never = () => {}

  it.each([
    ['a connection that is dropped', isTo('/'), drop, 'GET /', /ECONNRESET/],
    ['a 502', isTo('/'), answerStatus(502), 'GET /', /status 502/],
    ['a POST that is refused', isTo('/visit'), answerStatus(503), 'POST /visit', /status 503/],
    ['a POST without a visit', isTo('/visit'), wholeWithoutEnd, 'POST /visit', /no id/],
    ['a page of something else', isTo('/'), wholeWithoutEnd, 'GET /', /names no commit/],
    ['a page that names no asset', isTo('/page'), wholeWithoutEnd, 'GET /page', /names assets/],
    ['an asset that is gone', isTo('/build/assets/app-1234abcd.css'), answerStatus(404), 'GET /build/assets/', /status 404/],
    ['a download that is cut off', isTo('/download'), cut, 'GET /download', /ECONNRESET/],
    ['a download without its last line', isTo('/download'), wholeWithoutEnd, 'GET /download', /last line/],
    ['a slow answer that is cut off', isTo('/slow'), cut, 'GET /slow', /ECONNRESET/],
    ['a slow answer without its last line', isTo('/slow'), wholeWithoutEnd, 'GET /slow', /last line/],
    ['no answer', isTo('/visit'), never, 'POST /visit', /within 2 s/],
  ])('%s', async (_, isMet, fault, request, what) => {
    const isFresh = onReused()
    site.plant((asked) => isMet(asked) && !isFresh(asked), fault)
    const report = await loaded(({ failed, requests }) => failed > 0 && requests > 20)
    expect(report).toMatchObject({ failed: 1, retriedIdle: 0 })
    expect(report.failures).toMatchObject([{ window: 'start', what: expect.stringMatching(what) }])
    expect(report.failures[0]?.request).toContain(request)
    expect(report.windows.start?.failed).toBe(1)
  })

  it('names the version that a part of the answer named, and the commit before', async () => {
    site.plant(isTo('/slow'), cut)
    const { failures } = await loaded(({ failed }) => failed > 0)
    expect(failures).toMatchObject([{ version: 'torn', commitBefore: expect.toBeOneOf(['first', null]) }])
  })

  it('a server that refuses connections', async () => {
    const port = await freePort()
    const report = await loaded(({ failed }) => failed >= 30, { port })
    expect(report.failed).toBe(report.requests)
    expect(report.failures).toHaveLength(20)
    expect(report.failures[0]?.what).toMatch(/ECONNREFUSED/)
  })
})

describe('a reused connection that was closed', () => {
  it('is counted apart for what may be asked again', async () => {
    const isReused = onReused()
    site.plant((request) => isReused(request) && request.method === 'GET', drop, 3)
    const report = await loaded(({ retriedIdle, requests }) => retriedIdle === 3 && requests > 20)
    expect(report).toMatchObject({ failed: 0, retriedIdle: 3 })
  })

  it('is a failure for a POST', async () => {
    const isReused = onReused()
    site.plant((request) => isReused(request) && request.method === 'POST', drop)
    const report = await loaded(({ failed }) => failed > 0)
    expect(report).toMatchObject({ failed: 1, retriedIdle: 0, failures: [{ request: 'POST /visit', connection: 'keep-alive' }] })
  })

  it('is a failure once a byte came back', async () => {
    const isReused = onReused()
    const begun = ({ socket }: IncomingMessage) => void socket.write('HTTP/1.1 200', () => socket.destroy())
    site.plant((request) => isReused(request) && request.method === 'GET', begun)
    const report = await loaded(({ failed }) => failed > 0)
    expect(report).toMatchObject({ failed: 1, retriedIdle: 0 })
  })

  it('is a failure when the second attempt fails too', async () => {
    const isReused = onReused()
    site.plant((request) => isReused(request) && isTo('/')(request), drop)
    site.plant((request) => isTo('/')(request) && site.asked.length > 10, drop, 1000)
    const report = await loaded(({ failed }) => failed > 0)
    expect(report.retriedIdle).toBeGreaterThan(0)
  })
})

it('that is ended answers no more', async () => {
  load = await startLoad(ofSite({}))
  await load.end()
  await expect(load.report()).rejects.toThrow("the load's process ended with 0")
})

describe('the schedule is open', () => {
  it('goes on while nothing is answered, and counts the waiting', async () => {
    load = start({ requestsPerSecond: 50, timeoutSeconds: 10 })
    await until('first answers', async () => (await load.report()).requests > 10)
    await load.mark('stall')
    const waiting: { destroy(): void }[] = []
    let isStalled = true
    site.plant(() => true, async (_, response) => void (isStalled ? waiting.push(response) : response.destroy()), 1000)
    await until('requests that wait', async () => waiting.length > 50)
    expect((await load.report()).underWay).toBeGreaterThanOrEqual(50)
    isStalled = false
    for (const response of waiting) response.destroy()
    const report = await load.stop()
    expect(report.startLagP99Ms).toBeLessThan(500)
  })

  it('measures from the scheduled start', async () => {
    load = start({ slowEverySeconds: 100, downloadEverySeconds: 100 })
    site.plant(isTo('/visit'), async (_, response) => void (await pause(700), response.end('{"id":1}')), 1000)
    await until('visits', async () => (await load.report()).visits.length > 5)
    const { windows } = await load.stop()
    expect(windows.start?.p99Ms).toBeGreaterThanOrEqual(700)
    expect(windows.start?.p50Ms).toBeLessThan(500)
  })
})

describe('a websocket that is closed', () => {
  const closed = async (options: Options) => {
    load = start({ websocketDomain: 'sockets.test', ...options })
    await until('a message', async () => (await load.report()).websocket.messages > 0)
    site.closeSockets()
    await until('another greeting', async () => (await load.report()).websocket.versions.length > 1)
    return load.stop()
  }

  it('is a failure while another environment deploys', async () => {
    const report = await closed({})
    expect(report).toMatchObject({ failed: 1, failures: [{ request: 'websocket', what: expect.stringContaining('1001') }] })
    expect(report.websocket.closings).toMatchObject([{ code: 1001, reason: 'going away' }])
  })

  it('is told while its own environment deploys', async () => {
    const report = await closed({ mayCloseWebsocket: true })
    expect(report).toMatchObject({ failed: 0, websocket: { closings: [{ code: 1001 }] } })
  })

  it('is a failure where it cannot be opened', async () => {
    const isNoticed = ({ kinds }: LoadReport) => (kinds.websocket?.failed ?? 0) > 0
    const report = await loaded(isNoticed, { port: await freePort(), websocketDomain: 'sockets.test' })
    expect(report.websocket).toMatchObject({ messages: 0, versions: [] })
  })
})
