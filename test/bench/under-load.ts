import { setTimeout as pause } from 'node:timers/promises'
import { startLoad } from '../load/index.ts'
import { redeploy } from './redeploy.ts'
import type { BenchScene } from './scene.ts'

/** Redeploys under load, against the same load while nothing is deployed. */
export interface LoadFigures {
  redeploys: number
  requests: number
  failed: number
  retriedIdle: number
  steadyP99Ms: number
  duringP99Ms: number
}

const requestsPerSecond = 100
const steadySeconds = 60

/** One redeploy after the other under an open-loop mixed load; half of the steady time comes before them, half after. */
export async function redeployUnderLoad(scene: BenchScene, redeploys: number, say: (line: string) => void): Promise<LoadFigures> {
  const { address, port, domain } = scene.site
  const load = await startLoad({ address, port, domain, requestsPerSecond })
  try {
    await load.mark('steady')
    await pause((steadySeconds / 2) * 1000)
    await load.mark('during')
    for (let run = 1; run <= redeploys; run += 1) {
      const { liveSeconds } = await redeploy(scene, `loaded-${run}`)
      say(`redeploy ${run} under ${requestsPerSecond} requests a second: live after ${liveSeconds.toFixed(2)} s`)
    }
    await load.mark('steady')
    await pause((steadySeconds / 2) * 1000)
    const { requests, failed, failures, retriedIdle, windows } = await load.stop()
    for (const { at, request, connection, what } of failures) say(`failed: ${at} ${request} (${connection}): ${what}`)
    const p99 = (name: string) => windows[name]?.p99Ms ?? Number.NaN
    return { redeploys, requests, failed, retriedIdle, steadyP99Ms: p99('steady'), duringP99Ms: p99('during') }
  } finally {
    await load.end()
  }
}
