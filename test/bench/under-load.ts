import { setTimeout as pause } from 'node:timers/promises'
import { startLoad } from '../load/index.ts'
import { until } from '../lab/until.ts'
import type { Floor } from './floor.ts'
import { inSeconds, redeploy } from './redeploy.ts'
import type { BenchScene } from './scene.ts'

/** Redeploys under load, against the same load while nothing is deployed. */
export interface LoadFigures {
  redeploys: number
  requests: number
  failed: number
  retriedIdle: number
  steadyP50Ms: number
  steadyP99Ms: number
  duringP50Ms: number
  duringP99Ms: number
  /** While the floor's script does the same: what the machine itself lets through. */
  floorP50Ms: number
  floorP99Ms: number
}

const requestsPerSecond = 100
const steadySeconds = 60
/** With so many requests under way whatever piled up is worked off. */
const calm = requestsPerSecond / 5

/**
 * One redeploy after the other under an open-loop mixed load, each when the load is calm again, every fourth time one by the floor's script
 * as well; half of the steady time comes before them, half after.
 */
export async function redeployUnderLoad(scene: BenchScene, floor: Floor, redeploys: number, say: (line: string) => void): Promise<LoadFigures> {
  const { address, port, domain } = scene.site
  const load = await startLoad({ address, port, domain, requestsPerSecond })
  const isCalm = async () => (await load.report()).underWay <= calm
  try {
    await load.mark('steady')
    await pause((steadySeconds / 2) * 1000)
    for (let run = 1; run <= redeploys; run += 1) {
      await load.mark('during')
      const { liveSeconds } = await redeploy(scene, `loaded-${run}`)
      await load.mark('after')
      const ended = performance.now()
      await until('the load to calm down', isCalm)
      const calmSeconds = (performance.now() - ended) / 1000
      say(`redeploy ${run} under ${requestsPerSecond} requests a second: live after ${inSeconds(liveSeconds)}, calm ${inSeconds(calmSeconds)} after its end`)
      if (run % 4 !== 1) continue
      await load.mark('floor')
      await floor.redeploy()
      await load.mark('after')
      await until('the load to calm down', isCalm)
    }
    await load.mark('steady')
    await pause((steadySeconds / 2) * 1000)
    const { requests, failed, failures, retriedIdle, windows } = await load.stop()
    for (const { at, request, connection, what } of failures) say(`failed: ${at} ${request} (${connection}): ${what}`)
    const p50 = (name: string) => windows[name]?.p50Ms ?? Number.NaN
    const p99 = (name: string) => windows[name]?.p99Ms ?? Number.NaN
    return {
      ...{ redeploys, requests, failed, retriedIdle },
      ...{ steadyP50Ms: p50('steady'), duringP50Ms: p50('during'), floorP50Ms: p50('floor') },
      ...{ steadyP99Ms: p99('steady'), duringP99Ms: p99('during'), floorP99Ms: p99('floor') },
    }
  } finally {
    await load.end()
  }
}

