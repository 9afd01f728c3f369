import { z } from 'zod'
import { startLoad, type LoadReport } from '../load/index.ts'
import { failuresIn, wrongMinutes } from '../load/noticed.ts'
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

/**
 * A load that two busy cores bear while they build and boot beside it: how fast answers come is measured by the bench. Here a request
 * is lost when it has no answer at all.
 */
const bearable = { requestsPerSecond: 12, timeoutSeconds: 120 }

/** A websocket beside the requests. */
type Sockets = Pick<Parameters<typeof startLoad>[0], 'websocketDomain' | 'mayCloseWebsocket'>

/** Does some work on an environment under the mixed load, waits for the jobs, and looks for all that users could notice. */
export async function underLoad<Result>(
  { server }: Scene,
  sample: Sample,
  work: () => Promise<Result>,
  sockets: Sockets = {},
): Promise<UnderLoad<Result>> {
  const before = await visitsOf(sample)
  const begun = Date.now()
  const load = await startLoad({ address: server.address, domain: sample.domain, ...bearable, ...sockets })
  try {
    await until('the first answers under load', async () => (await load.report()).requests > bearable.requestsPerSecond)
    const result = await work()
    const report = await load.stop()
    const accepted = report.visits.length
    await until(`${accepted} visits to be processed`, async () => isDone(await visitsOf(sample), before.rows + accepted))
    const after = await visitsOf(sample)
    const noticed = [
      ...failuresIn(report, sockets.websocketDomain ? ['websocket'] : []),
      ...(after.rows === before.rows + accepted ? [] : [`${after.rows - before.rows} rows of ${accepted} accepted visits`]),
      ...(after.processed_again === before.processed_again ? [] : [`${after.processed_again} visits were processed again`]),
      ...wrongMinutes(after.ticks, { from: begun, to: Date.now() }),
    ]
    const { requests, retriedIdle, startLagP99Ms, windows } = report
    console.log(`load of ${sample.domain}: ${JSON.stringify({ requests, retriedIdle, startLagP99Ms, windows, noticed })}`)
    return { result, load: report, noticed }
  } finally {
    await load.end()
  }
}

const isDone = ({ rows, processed }: Visits, expected: number) => rows >= expected && processed === rows
