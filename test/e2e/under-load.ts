import { z } from 'zod'
import { startLoad, type LoadReport } from '../load/index.ts'
import { until } from '../lab/until.ts'
import type { Sample, Scene } from './scene.ts'

const visitsSchema = z.object({
  rows: z.number(),
  processed: z.number(),
  processed_again: z.number(),
  ticks: z.array(z.object({ minute: z.string(), container: z.string(), version: z.string() })),
})
type Visits = z.infer<typeof visitsSchema>

/** What the sample application counts itself. */
export async function visitsOf(sample: Sample): Promise<Visits> {
  return visitsSchema.parse(JSON.parse((await sample.ask('/visits')).body))
}

/** The commit that answers. */
export async function commitServed(sample: Sample): Promise<string | undefined> {
  return /^commit (\S+)$/m.exec((await sample.ask('/')).body)?.[1]
}

/** What came of some work on a server whose users went on meanwhile. */
export interface UnderLoad<Result> {
  result: Result
  load: LoadReport
  /** Whatever a user could notice, a line each. */
  noticed: string[]
}

export interface UnderLoadOptions {
  sample: Sample
  /** An environment whose websocket has to live meanwhile. */
  neighbour?: Sample
  requestsPerSecond?: number
}

/** Does some work on an environment under the mixed load, waits for the jobs, and looks for everything that users could notice. */
export async function underLoad<Result>(
  { server }: Scene,
  { sample, neighbour, requestsPerSecond = 30 }: UnderLoadOptions,
  work: () => Promise<Result>,
): Promise<UnderLoad<Result>> {
  const before = await visitsOf(sample)
  const begun = Date.now()
  const websocketDomain = neighbour?.domain ?? null
  const load = await startLoad({ address: server.address, domain: sample.domain, websocketDomain, requestsPerSecond })
  try {
    await until('the first answers under load', async () => (await load.report()).requests > requestsPerSecond)
    const result = await work()
    const report = await load.stop()
    const accepted = report.visits.length
    await until(`${accepted} visits to be processed`, async () => isDone(await visitsOf(sample), before.rows + accepted))
    const after = await visitsOf(sample)
    const noticed = [
      ...failuresIn(report),
      ...unasked(report, { hasWebsocket: websocketDomain !== null }),
      ...(after.rows === before.rows + accepted ? [] : [`${after.rows - before.rows} rows of ${accepted} accepted visits`]),
      ...(after.processed_again === before.processed_again ? [] : [`${after.processed_again} visits were processed again`]),
      ...wrongMinutes(after, { from: begun, to: Date.now() }),
    ]
    return { result, load: report, noticed }
  } finally {
    await load.end()
  }
}

const isDone = ({ rows, processed }: Visits, expected: number) => rows >= expected && processed === rows

function failuresIn({ failed, requests, failures }: LoadReport): string[] {
  if (failed === 0) return []
  const lines = failures.map(({ at, request, connection, what, version, commitBefore }) =>
    [at, connection, request, what, `version ${version}`, `after ${commitBefore}`].join(' | '),
  )
  return [`${failed} of ${requests} failed`, ...lines]
}

/** A load that never asked for something could not notice that it is broken. */
function unasked({ kinds }: LoadReport, { hasWebsocket }: { hasWebsocket: boolean }): string[] {
  const needed = ['GET /', 'GET /page', 'GET asset', 'POST /visit', 'GET /slow', 'GET /download', ...(hasWebsocket ? ['websocket'] : [])]
  return needed.filter((kind) => !kinds[kind]).map((kind) => `${kind} was never asked`)
}

const minuteMilliseconds = 60_000

/** Minutes, of those that are over, that were not ticked exactly once; from the first tick of all. */
export function wrongMinutes({ ticks }: Pick<Visits, 'ticks'>, { from, to }: { from: number; to: number }): string[] {
  const ticked = ticks.map(({ minute }) => Date.parse(`${minute.replace(' ', 'T')}Z`))
  const first = Math.max(Math.floor(from / minuteMilliseconds) * minuteMilliseconds, Math.min(...ticked))
  const count = Math.max(0, Math.floor((to - first) / minuteMilliseconds))
  const minutes = Array.from({ length: count }, (_, index) => first + index * minuteMilliseconds)
  return minutes.flatMap((minute) => {
    const times = ticked.filter((tick) => tick === minute).length
    return times === 1 ? [] : [`the minute ${new Date(minute).toISOString()} was ticked ${times} times`]
  })
}
