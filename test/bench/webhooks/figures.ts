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
  p99Ms: number
  maxMs: number
  /** Of the API's process, in milliseconds: what a busy machine does not change. */
  apiCpuMsEach: number
  /** Answers that are no success, and connections that broke. */
  failed: number
  /** The most deployments that waited for one environment in the end. */
  mostQueued: number
  failures: string[]
}

/** What none of these may reach. */
const limits = { p99Ms: 50, failed: 1, mostQueued: 2 } as const

/** What has reached its limit, a line each. */
export function overLimits(figures: Pick<WebhookFigures, keyof typeof limits>): string[] {
  const names = ['p99Ms', 'failed', 'mostQueued'] as const
  return names.filter((name) => figures[name] >= limits[name]).map((name) => `${name} is ${figures[name]} and must be under ${limits[name]}`)
}

/** A line each: what, how much, and what belongs to it. */
export function webhookTable({ rate, seconds, applications, environments, deliveries, answers, p50Ms, p99Ms, maxMs, apiCpuMsEach, failed, mostQueued, failures }: WebhookFigures): string {
  const statuses = Object.entries(answers).map(([status, count]) => `${count} × ${status}`).join(', ')
  const rows: [string, string, string][] = [
    ['deliveries', String(deliveries), `${rate} a second for ${seconds} s, to ${environments} environments of ${applications} applications`],
    ['answers', '', statuses],
    ['p50', milliseconds(p50Ms), ''],
    ['p99', milliseconds(p99Ms), 'must be under 50 ms'],
    ['longest', milliseconds(maxMs), ''],
    ['CPU time', milliseconds(apiCpuMsEach), 'of the API, a delivery'],
    ['queued', String(mostQueued), 'deployments of one environment, at most'],
    ['failed', String(failed), 'answers'],
    ...failures.map((line): [string, string, string] => ['failure', '', line]),
  ]
  return rows.map(([what, value, belongs]) => `${what.padEnd(20)} ${value.padStart(14)}  ${belongs}`).join('\n')
}

const milliseconds = (value: number) => `${value.toFixed(1)} ms`
