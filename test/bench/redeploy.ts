import { type OperationTree, stepsOf } from '../../stack/demo/operation.ts'
import type { Floor } from './floor.ts'
import { firstAnswer } from './live.ts'
import type { BenchScene } from './scene.ts'
import { covered, median } from './statistics.ts'

/** One redeploy of a present image through Keystone. */
export interface Redeploy {
  liveSeconds: number
  endedSeconds: number
  /** Wall time in which no command ran on the server. */
  overheadSeconds: number
  tree: OperationTree
}

/** As an HTTP client does it: a changed variable makes a new generation of the same image. */
export async function redeploy({ organisation, environmentId, commit, site, ended }: BenchScene, release: string): Promise<Redeploy> {
  await organisation.setVariable(environmentId, 'APP_RELEASE', release)
  const began = performance.now()
  const live = firstAnswer(site, release)
  const tree = await ended(await organisation.deploy(environmentId, { commit }))
  const endedSeconds = (performance.now() - began) / 1000
  const liveSeconds = ((await live) - began) / 1000
  return { liveSeconds, endedSeconds, overheadSeconds: endedSeconds - commandSeconds(tree), tree }
}

function commandSeconds(tree: OperationTree): number {
  const intervals = stepsOf(tree).map(({ startedAt, finishedAt }) => ({ from: Date.parse(startedAt), to: Date.parse(finishedAt ?? startedAt) }))
  return covered(intervals) / 1000
}

/** Medians, and each of ours as a ratio of the floor's. */
export interface Comparison {
  runs: number
  liveSeconds: number
  floorLiveSeconds: number
  liveRatio: number
  endedSeconds: number
  floorEndedSeconds: number
  endedRatio: number
  overheadSeconds: number
}

/** Interleaved, so that whatever the machine does meanwhile is done to both. */
export async function compare(scene: BenchScene, floor: Floor, runs: number, say: (line: string) => void): Promise<Comparison> {
  const ours: Redeploy[] = []
  const floors: { liveSeconds: number; endedSeconds: number }[] = []
  for (let run = 1; run <= runs; run += 1) {
    const theirs = await floor.redeploy()
    const one = await redeploy(scene, `bench-${run}`)
    floors.push(theirs)
    ours.push(one)
    say(`redeploy ${run}: live ${inSeconds(one.liveSeconds)} (floor ${inSeconds(theirs.liveSeconds)}), ` +
      `ended ${inSeconds(one.endedSeconds)} (floor ${inSeconds(theirs.endedSeconds)})`)
  }
  const of = <Item>(items: readonly Item[], value: (item: Item) => number) => median(items.map(value))
  const liveSeconds = of(ours, (one) => one.liveSeconds)
  const floorLiveSeconds = of(floors, (one) => one.liveSeconds)
  const endedSeconds = of(ours, (one) => one.endedSeconds)
  const floorEndedSeconds = of(floors, (one) => one.endedSeconds)
  return {
    runs,
    ...{ liveSeconds, floorLiveSeconds, liveRatio: liveSeconds / floorLiveSeconds },
    ...{ endedSeconds, floorEndedSeconds, endedRatio: endedSeconds / floorEndedSeconds },
    overheadSeconds: of(ours, (one) => one.overheadSeconds),
  }
}

export const inSeconds = (seconds: number) => `${seconds.toFixed(2)} s`
