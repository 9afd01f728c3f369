import { setTimeout as pause } from 'node:timers/promises'
import { startLoad } from '../load/index.ts'
import { until } from '../lab/until.ts'
import { inSeconds, redeploy } from './redeploy.ts'
import type { BenchScene } from './scene.ts'

interface Latency {
  p50Ms: number
  p99Ms: number
}

/** Redeploys under load, against the same load while nothing is deployed. */
export interface LoadFigures {
  redeploys: number
  requests: number
  failed: number
  retriedIdle: number
  steady: Latency
  during: Latency
}

const requestsPerSecond = 100
const steadySeconds = 60
/** With so many requests under way whatever piled up is worked off. */
const calm = requestsPerSecond / 5

/**
 * One redeploy after the other under an open-loop mixed load, each when the load is calm again; half of the steady time comes before
 * them, half after.
 */
export async function redeployUnderLoad(scene: BenchScene, redeploys: number, say: (line: string) => void): Promise<LoadFigures> {
  const { address, port, domain } = scene.site
  const load = await startLoad({ address, port, domain, requestsPerSecond })
  try {
    await load.mark('steady')
    await pause((steadySeconds / 2) * 1000)
    for (let run = 1; run <= redeploys; run += 1) {
      await load.mark('during')
      const { liveSeconds } = await redeploy(scene, `loaded-${run}`)
      await load.mark('after')
      const ended = performance.now()
      await until('the load to calm down', async () => (await load.report()).underWay <= calm)
      const calmSeconds = (performance.now() - ended) / 1000
      say(`redeploy ${run} under ${requestsPerSecond} requests a second: live after ${inSeconds(liveSeconds)}, calm ${inSeconds(calmSeconds)} after its end`)
    }
    await load.mark('steady')
    await pause((steadySeconds / 2) * 1000)
    const { requests, failed, failures, retriedIdle, windows } = await load.stop()
    for (const { at, request, connection, what } of failures) say(`failed: ${at} ${request} (${connection}): ${what}`)
    const latency = (name: string) => ({ p50Ms: windows[name]?.p50Ms ?? Number.NaN, p99Ms: windows[name]?.p99Ms ?? Number.NaN })
    return { redeploys, requests, failed, retriedIdle, steady: latency('steady'), during: latency('during') }
  } finally {
    await load.end()
  }
}

