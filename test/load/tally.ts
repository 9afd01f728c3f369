import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { LoadFailure, LoadReport } from './report.ts'

/** Where what happened belongs. */
export interface Occasion {
  window: string
  kind: string
}

export type FailureFound = Pick<LoadFailure, 'request' | 'connection' | 'what' | 'version'>

/** Counts what becomes of the requests. */
export interface Tally {
  /** What is scheduled from now on belongs to this window. */
  mark(name: string): void
  window(): string
  startedLate(milliseconds: number): void
  /** A request, of which `succeeded` or `failed` will tell the end. */
  began(): void
  /** `latencyMs` null: it is not timed. */
  succeeded(occasion: Occasion, latencyMs: number | null): void
  failed(occasion: Occasion, failure: FailureFound): void
  retriedIdle(): void
  answeredBy(commit: string): void
  accepted(visit: number): void
  socketMessage(): void
  greetedBy(version: string): void
  socketClosed(code: number, reason: string): void
  report(): LoadReport
}

const keptFailures = 20
/** Histograms count microseconds. */
const scale = 1000
const longestMicroseconds = 600_000_000

interface Window {
  requests: number
  failed: number
  latency: RecordableHistogram
}

export function createTally(firstWindow: string): Tally {
  const total = { requests: 0, failed: 0, underWay: 0, retriedIdle: 0 }
  const failures: LoadFailure[] = []
  const kinds = new Map<string, { requests: number; failed: number }>()
  const windows = new Map<string, Window>()
  const versions: LoadReport['versions'] = []
  const visits: number[] = []
  const websocket: LoadReport['websocket'] = { messages: 0, closings: [], versions: [] }
  const startLag = newHistogram()
  let current = firstWindow
  let latestCommit: string | null = null

  const counted = ({ window, kind }: Occasion) => {
    const inWindow = got(windows, window, () => ({ requests: 0, failed: 0, latency: newHistogram() }))
    const ofKind = got(kinds, kind, () => ({ requests: 0, failed: 0 }))
    for (const count of [total, inWindow, ofKind]) count.requests += 1
    total.underWay -= 1
    return { inWindow, ofKind }
  }

  return {
    mark: (name) => void (current = name),
    window: () => current,
    startedLate: (milliseconds) => record(startLag, milliseconds),
    began: () => void (total.underWay += 1),
    succeeded(occasion, latencyMs) {
      const { inWindow } = counted(occasion)
      if (latencyMs !== null) record(inWindow.latency, latencyMs)
    },
    failed(occasion, failure) {
      const { inWindow, ofKind } = counted(occasion)
      for (const count of [total, inWindow, ofKind]) count.failed += 1
      if (failures.length >= keptFailures) return
      failures.push({ at: new Date().toISOString(), window: occasion.window, ...failure, commitBefore: latestCommit })
    },
    retriedIdle: () => void (total.retriedIdle += 1),
    answeredBy(commit) {
      latestCommit = commit
      const at = new Date().toISOString()
      const seen = versions.find((version) => version.commit === commit)
      if (seen) Object.assign(seen, { lastAt: at, answers: seen.answers + 1 })
      else versions.push({ commit, firstAt: at, lastAt: at, answers: 1 })
    },
    accepted: (visit) => void visits.push(visit),
    socketMessage: () => void (websocket.messages += 1),
    greetedBy: (version) => void websocket.versions.push(version),
    socketClosed: (code, reason) => void websocket.closings.push({ at: new Date().toISOString(), code, reason }),
    report: () => ({
      ...total,
      ...{ failures, versions, visits, websocket },
      startLagP99Ms: startLag.percentile(99) / scale,
      kinds: Object.fromEntries(kinds),
      windows: Object.fromEntries([...windows].map(([name, window]) => [name, windowReport(window)])),
    }),
  }
}

function windowReport({ requests, failed, latency }: Window): LoadReport['windows'][string] {
  if (latency.count === 0) return { requests, failed, p50Ms: null, p99Ms: null, maxMs: null }
  const [p50Ms, p99Ms] = [latency.percentile(50) / scale, latency.percentile(99) / scale]
  return { requests, failed, p50Ms, p99Ms, maxMs: latency.max / scale }
}

const newHistogram = () => createHistogram({ lowest: 1, highest: longestMicroseconds, figures: 3 })

const record = (histogram: RecordableHistogram, milliseconds: number) =>
  histogram.record(Math.min(Math.max(1, Math.round(milliseconds * scale)), longestMicroseconds))

function got<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const value = map.get(key) ?? make()
  map.set(key, value)
  return value
}
