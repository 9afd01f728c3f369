/** What the bench of webhooks writes with `--json`, as `webhooks`. */
export interface WebhookFigures {
  /** Deliveries a second. */
  rate: number
  seconds: number
  applications: number
  environments: number
  deliveries: number
  /** By status. */
  answers: Record<string, number>
  /** From the moment at which a delivery was due until its whole answer, in milliseconds. */
  p50Ms: number
  p95Ms: number
  p99Ms: number
  maxMs: number
  /** From a delivery's storing until its deployment is requested, in milliseconds. */
  delayP50Ms: number
  delayP99Ms: number
  /** Deliveries that are stored in a second where as many are sent as are answered. */
  mostPerSecond: number
  /** Of the API's process, in milliseconds: what a busy machine does not change. */
  apiCpuMsEach: number
  /** Answers that are no success, and connections that broke. */
  failed: number
  /** The most deployments that waited for one environment in the end. */
  mostQueued: number
  failures: string[]
}

/** What none of these may reach. */
const limits = { p99Ms: 50, delayP99Ms: 1000, failed: 1, mostQueued: 2 } as const

/** What has reached its limit, a line each. */
export function overLimits(figures: Pick<WebhookFigures, keyof typeof limits>): string[] {
  const names = ['p99Ms', 'delayP99Ms', 'failed', 'mostQueued'] as const
  return names.filter((name) => figures[name] >= limits[name]).map((name) => `${name} is ${figures[name]} and must be under ${limits[name]}`)
}

/** A line each: what, how much, and what belongs to it. */
export function webhookTable(figures: WebhookFigures): string {
  const { rate, seconds, applications, environments } = figures
  const statuses = Object.entries(figures.answers).map(([status, count]) => `${count} × ${status}`).join(', ')
  const rows: [string, string, string][] = [
    ['deliveries', String(figures.deliveries), `${rate} a second for ${seconds} s, to ${environments} environments of ${applications} applications`],
    ['answers', '', statuses],
    ['p50', milliseconds(figures.p50Ms), ''],
    ['p95', milliseconds(figures.p95Ms), ''],
    ['p99', milliseconds(figures.p99Ms), `must be under ${limits.p99Ms} ms`],
    ['longest', milliseconds(figures.maxMs), ''],
    ['CPU time', milliseconds(figures.apiCpuMsEach), 'of the API, a delivery'],
    ['requested', milliseconds(figures.delayP50Ms), 'after the delivery: p50'],
    ['requested', milliseconds(figures.delayP99Ms), `p99; must be under ${limits.delayP99Ms} ms`],
    ['at the most', figures.mostPerSecond.toFixed(0), 'deliveries a second'],
    ['queued', String(figures.mostQueued), 'deployments of one environment, at most'],
    ['failed', String(figures.failed), 'answers'],
    ...figures.failures.map((line): [string, string, string] => ['failure', '', line]),
  ]
  return rows.map(([what, value, belongs]) => `${what.padEnd(20)} ${value.padStart(14)}  ${belongs}`).join('\n')
}

const milliseconds = (value: number) => `${value.toFixed(1)} ms`
