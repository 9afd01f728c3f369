import { type OperationTree, stepsOf } from '../../stack/demo/operation.ts'
import type { HistoryCounts } from './history.ts'
import type { Comparison } from './redeploy.ts'
import type { LoadFigures } from './under-load.ts'

/** What the bench writes with `--json`. */
export interface Figures {
  redeploy: Comparison
  firstDeploy: { steps: { name: string; seconds: number }[] }
  ssh: { handshakesPerServer: number; roundTripsPerReplica: number }
  temporal: HistoryCounts
  sqlQueries: number
  load: LoadFigures
}

/** The steps of an operation on servers, in their order, with how long each took. */
export function stepSeconds(tree: OperationTree): Figures['firstDeploy']['steps'] {
  return stepsOf(tree)
    .toSorted((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt))
    .map(({ name, startedAt, finishedAt }) => ({ name, seconds: (Date.parse(finishedAt ?? startedAt) - Date.parse(startedAt)) / 1000 }))
}

/** A line each: what, how much, what it is held against. */
export function table({ redeploy, firstDeploy, ssh, temporal, sqlQueries, load }: Figures): string {
  const rows: [string, string, string][] = [
    ['redeploy, live', seconds(redeploy.liveSeconds), `${ratio(redeploy.liveRatio)} of the floor's ${seconds(redeploy.floorLiveSeconds)}`],
    ['redeploy, ended', seconds(redeploy.endedSeconds), `${ratio(redeploy.endedRatio)} of the floor's ${seconds(redeploy.floorEndedSeconds)}`],
    ['… without a command', seconds(redeploy.overheadSeconds), 'of it'],
    ['SSH handshakes', String(ssh.handshakesPerServer), 'a server, since the worker began'],
    ['SSH round trips', String(ssh.roundTripsPerReplica), 'a replica'],
    ['Temporal events', String(temporal.events), `${temporal.activities} activities, ${temporal.localActivities} local, ${temporal.workflowTasks} workflow tasks`],
    ['SQL queries', String(sqlQueries), 'of the worker, a redeploy'],
    ['under load', `${load.failed} of ${load.requests}`, `failed over ${load.redeploys} redeploys; ${load.retriedIdle} retried idle`],
    ['p50 during', milliseconds(load.duringP50Ms), `${against(load.duringP50Ms, load.steadyP50Ms)}; ${milliseconds(load.floorP50Ms)} during the floor's`],
    ['p99 during', milliseconds(load.duringP99Ms), `${against(load.duringP99Ms, load.steadyP99Ms)}; ${milliseconds(load.floorP99Ms)} during the floor's`],
    ...firstDeploy.steps.map(({ name, seconds: each }): [string, string, string] => ['first deploy', seconds(each), name]),
  ]
  return rows.map(([what, value, beside]) => `${what.padEnd(20)} ${value.padStart(14)}  ${beside}`).join('\n')
}

const seconds = (value: number) => `${value.toFixed(2)} s`
const ratio = (value: number) => `${value.toFixed(2)} ×`
const milliseconds = (value: number) => `${value.toFixed(0)} ms`
const against = (value: number, steady: number) => `${ratio(value / steady)} of the steady ${milliseconds(steady)}`
