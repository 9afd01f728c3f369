import type { Tally } from './server/tally.ts'
import type { Size } from './topology.ts'

/** What the bench of many servers writes with `--json`, as `scale`. */
export interface ScaleFigures extends Size {
  /** The second deploy to all servers, and the deploy of all environments at once. */
  seconds: number
  /** Of the worker that had most. */
  workerPeakMb: number
  /** The longest history of any workflow. */
  maxHistoryEvents: number
  /** Of both workers in these seconds; the killed one's as they were read last. */
  sqlQueries: number
  /** The most connections to Postgres at one moment. */
  connections: number
  /** Operations that did not succeed, and messages that no server would have understood. */
  failed: number
  /** Operations whose workflow was lost. */
  recoveries: number
  /** What looks at servers, which go on all the time, took for drift. */
  differences: number
  parts: { firstDeploySeconds: number; redeploySeconds: number; environmentsSeconds: number }
  workerPeaksMb: number[]
  largestHistory: string
  /** After the environments' deploys were asked for. */
  killedAfterSeconds: number
  pulls: number
  /** What the simulated servers saw since the beginning, the faults that they made among it. */
  simulated: Omit<Tally, 'violations'>
  failures: string[]
}

/** What none of these may reach (item 6 of "Many servers, one digest"). */
const limits = { workerPeakMb: 512, maxHistoryEvents: 10_000, failed: 1, recoveries: 1, differences: 1 } as const

/** What has reached its limit, a line each. */
export function overLimits(figures: Pick<ScaleFigures, keyof typeof limits>): string[] {
  const names = ['workerPeakMb', 'maxHistoryEvents', 'failed', 'recoveries', 'differences'] as const
  return names.filter((name) => figures[name] >= limits[name]).map((name) => `${name} is ${figures[name]} and must be under ${limits[name]}`)
}

/** A line each: what, how much, and what belongs to it. */
export function scaleTable(figures: ScaleFigures): string {
  const { servers, environments, parts, simulated } = figures
  const rows: [string, string, string][] = [
    ['first deploy', seconds(parts.firstDeploySeconds), `to ${servers} servers`],
    ['redeploy', seconds(parts.redeploySeconds), `to ${servers} servers`],
    ['environments', seconds(parts.environmentsSeconds), `${environments} at once, one worker killed after ${seconds(figures.killedAfterSeconds)}`],
    ['worker memory', `${figures.workerPeakMb} MiB`, `at most; ${figures.workerPeaksMb.join(' and ')} MiB`],
    ['longest history', String(figures.maxHistoryEvents), `events, of ${figures.largestHistory}`],
    ['SQL queries', String(figures.sqlQueries), 'of both workers, redeploy and environments'],
    ['connections', String(figures.connections), 'to Postgres at one moment'],
    ['steps', String(simulated.steps), `each once; ${simulated.reattached} times found again, ${figures.pulls} images pulled`],
    ['faults', String(simulated.refused + simulated.dropped), `${simulated.refused} of ${simulated.connections} connections refused, ${simulated.dropped} broken off`],
    ['drift', String(figures.differences), 'differences that looks at servers found, where there are none'],
    ['failed', String(figures.failed), 'operations or messages'],
    ...figures.failures.slice(0, 20).map((line): [string, string, string] => ['failure', '', line]),
  ]
  return rows.map(([what, value, belongs]) => `${what.padEnd(20)} ${value.padStart(14)}  ${belongs}`).join('\n')
}

const seconds = (value: number) => `${value.toFixed(2)} s`
