import type { LoadReport } from './report.ts'

const asked = ['GET /', 'GET /page', 'GET asset', 'POST /visit', 'GET /slow', 'GET /download']

/** Whatever failed, a line each; also what was never asked for: such a load could not notice that it is broken. */
export function failuresIn({ failed, requests, failures, kinds }: LoadReport, others: readonly string[] = []): string[] {
  const lines = failures.map(({ at, window, request, connection, what, version, commitBefore }) =>
    [at, window, connection, request, what, `version ${version}`, `after ${commitBefore}`].join(' | '),
  )
  const unasked = [...asked, ...others].filter((kind) => !kinds[kind]).map((kind) => `${kind} was never asked for`)
  return [...(failed === 0 ? [] : [`${failed} of ${requests} failed`]), ...lines, ...unasked]
}

const minuteMilliseconds = 60_000

/**
 * Minutes, of those that are over, that were not ticked exactly once, from the first tick of all; `2026-01-01 12:00:00` is UTC.
 * Moments are in milliseconds since 1970.
 */
export function wrongMinutes(ticks: readonly { minute: string }[], { from, to }: { from: number; to: number }): string[] {
  const begun = Math.ceil(from / minuteMilliseconds) * minuteMilliseconds
  if (ticks.length === 0) return begun + minuteMilliseconds <= to ? ['nothing ever ticked'] : []
  const ticked = ticks.map(({ minute }) => Date.parse(`${minute.replace(' ', 'T')}Z`))
  const first = Math.max(Math.floor(from / minuteMilliseconds) * minuteMilliseconds, Math.min(...ticked))
  const count = Math.max(0, Math.floor((to - first) / minuteMilliseconds))
  const minutes = Array.from({ length: count }, (_, index) => first + index * minuteMilliseconds)
  return minutes.flatMap((minute) => {
    const times = ticked.filter((tick) => tick === minute).length
    return times === 1 ? [] : [`the minute ${new Date(minute).toISOString()} was ticked ${times} times`]
  })
}
