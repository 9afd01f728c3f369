import { Agent } from 'node:http'
import { BrokenExchange, type Answer, exchange } from './exchange.ts'
import { asset, download, home, type Kind, longJob, page, slow, versionIn, visit, WrongAnswer } from './kinds.ts'
import type { LoadOptions } from './report.ts'
import { everySecond } from './schedule.ts'
import { openSocket } from './socket.ts'
import type { Tally } from './tally.ts'

type Connection = 'keep-alive' | 'fresh'

/** Ten moments of the schedule. Those of null belong to the assets of the pages before them. */
const mix: readonly (Kind | null)[] = [home, visit, home, page, null, home, home, page, null, home]

/** Each moment of the mix has another connection in the next round. */
const connectionOf = (index: number): Connection => ((index + Math.floor(index / mix.length)) % 2 === 0 ? 'keep-alive' : 'fresh')

/** Loads a deployed sample application until it is ended; then waits for what is under way. */
export function beginMixedLoad(options: LoadOptions, tally: Tally): { end(): Promise<void> } {
  const agents = { 'keep-alive': new Agent({ keepAlive: true, scheduling: 'fifo' }), fresh: new Agent({ keepAlive: false }) }
  const contents = new Map<string, string>()
  const underWay = new Set<Promise<void>>()

  const ask = async (kind: Kind, connection: Connection): Promise<Answer> => {
    const timeoutSeconds = options.timeoutSeconds + (kind.extraSeconds ?? 0)
    const wish = { ...options, ...kind, timeoutSeconds }
    try {
      return await exchange({ ...wish, agent: agents[connection] })
    } catch (error) {
      if (kind.method !== 'GET' || !(error instanceof BrokenExchange && error.isIdleClose)) throw error
      tally.retriedIdle()
      return exchange({ ...wish, agent: agents.fresh })
    }
  }

  const perform = async (kind: Kind, connection: Connection, scheduledAt: number): Promise<void> => {
    const occasion = { window: tally.window(), kind: kind.name }
    tally.began()
    let text = ''
    try {
      const answer = await ask(kind, connection)
      text = answer.text
      if (answer.status < 200 || answer.status > 299) throw new WrongAnswer(`status ${answer.status}`)
      const { commit, visit: accepted, assets = [] } = kind.read(answer)
      tally.succeeded(occasion, kind.isTimed ? performance.now() - scheduledAt : null)
      if (commit !== undefined) tally.answeredBy(commit)
      if (accepted !== undefined) tally.accepted(accepted)
      const now = performance.now()
      await Promise.all(assets.map((path) => perform(asset(path, contents), connection, now)))
    } catch (error) {
      const version = versionIn(error instanceof BrokenExchange ? error.partial : text)
      const what = error instanceof Error ? error.message : String(error)
      tally.failed(occasion, { request: `${kind.method} ${kind.path}`, connection, what, version })
    }
  }

  const start = (kind: Kind, index: number, scheduledAt: number) => {
    tally.startedLate(performance.now() - scheduledAt)
    const performing = perform(kind, connectionOf(index), scheduledAt).finally(() => underWay.delete(performing))
    underWay.add(performing)
  }

  const schedules = [
    everySecond(options.requestsPerSecond, (index, at) => {
      const kind = mix[index % mix.length]
      if (kind) start(kind, index, at)
    }),
    everySecond(1 / options.slowEverySeconds, (index, at) => start(slow(options), index, at)),
    everySecond(1 / options.downloadEverySeconds, (index, at) => start(download(options), index, at)),
    everySecond(1 / options.longJobEverySeconds, (index, at) => start(longJob(options), index, at)),
  ]
  const { websocketDomain } = options
  const socket = websocketDomain === null ? null : openSocket({ ...options, domain: websocketDomain }, tally)

  return {
    async end() {
      for (const schedule of schedules) schedule.stop()
      await Promise.all(underWay)
      await socket?.close()
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}
