import { setTimeout as pause } from 'node:timers/promises'
import type { LogSources } from '../db/log-sources.ts'
import type { ServerId } from '../domain/ids.ts'
import type { LogWish } from '../drivers/services/container-logs.ts'
import type { ApiDependencies } from './context.ts'
import { createInbox } from './inbox.ts'
import { createLineNames } from './line-names.ts'
import { type LoggingServer, readLogs, type RuntimeLine, type SilentServer, type ToldByServer } from './server-logs.ts'

export type RuntimeNews = { lines: RuntimeLine[] } | { silent: SilentServer } | 'quiet'

export interface LogAsk {
  serversToAsk: readonly LoggingServer[]
  sources: LogSources
  /** The sources as they are once a replica tells something that they do not have. */
  reread(): Promise<LogSources>
  wish: LogWish
  signal: AbortSignal
}

/** A server that says nothing for so long is not waited for by the others. */
const firstMilliseconds = 3000
/** Lines of several servers that come within are put into order. */
const togetherMilliseconds = 200
/** A proxy takes a connection that is silent for longer to be dead. */
const quietMilliseconds = 15_000
const mostWaitingBytes = 4 * 1024 * 1024

/**
 * What containers of an environment have written on all its servers, in the order of time, and what they write from then on, as far as
 * the wish has it, until the signal aborts. What comes from two servers more than 200 ms apart is told as it comes. A server that does not
 * answer, or whose connection breaks, is told of and the others go on; who reads slowly has the servers wait.
 */
export async function* runtimeLogs(deps: ApiDependencies, ask: LogAsk): AsyncGenerator<RuntimeNews> {
  const { serversToAsk, signal, wish } = ask
  const inbox = createInbox<ToldByServer>({ mostBytes: mostWaitingBytes, signal })
  const names = createLineNames(ask)
  const unready = new Map<ServerId, LoggingServer>(serversToAsk.map((server) => [server.id, server]))
  let open = serversToAsk.length
  for (const server of serversToAsk) {
    const onReady = () => {
      unready.delete(server.id)
      inbox.wake()
    }
    void readLogs(deps, server, { wish, signal, inbox, names, onReady }).finally(() => {
      open -= 1
      onReady()
    })
  }
  const deadline = performance.now() + firstMilliseconds
  const isAwaited = () => unready.size > 0 && !inbox.isFull() && !signal.aborted && performance.now() < deadline
  while (isAwaited()) await inbox.changed(deadline - performance.now())
  while (!signal.aborted) {
    const isOver = open === 0
    const told = inbox.take()
    yield* inOrder(told)
    if (isOver) return
    if (told.length === 0 && (await inbox.changed(quietMilliseconds)) === 'overdue') yield 'quiet'
    if (open > 0) await pause(togetherMilliseconds)
  }
  for (const { id: serverId, name: server } of unready.values()) {
    yield { silent: { serverId, server, code: 'timeout', message: `${server} has not answered in time.` } }
  }
}

export const byTime = <Line extends { at: string }>(lines: readonly Line[]): Line[] =>
  lines.toSorted((one, other) => (one.at < other.at ? -1 : Number(one.at > other.at)))

function* inOrder(told: readonly ToldByServer[]): Generator<RuntimeNews> {
  const lines = told.flatMap((one) => ('line' in one ? [one.line] : []))
  if (lines.length > 0) yield { lines: byTime(lines) }
  for (const one of told) if ('silent' in one) yield { silent: one.silent }
}
