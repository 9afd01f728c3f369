import type { Operation } from '../../../stack/demo/operation.ts'
import type { Unsuccessful } from './database.ts'
import type { ScaleFigures } from './figures.ts'
import { longestHistory } from './histories.ts'
import { watch } from './readings.ts'
import { openScaleScene, type ScaleScene, type ScaleWish } from './scene.ts'

/** Deploys to all servers twice, then to many environments at once, of whose two workers one is killed in the middle. */
export async function measureScale(wish: ScaleWish, say: (line: string) => void): Promise<ScaleFigures> {
  const { behaviour: _, ...size } = wish
  const scene = await openScaleScene(wish, say)
  const { keystone, organisation, fleet, environments, commits, simulators } = scene
  try {
    const watched = await watch(scene)
    const first = await timed(scene, [await organisation.deploy(fleet, { commit: commits.main })])
    say(`first deploy to ${size.servers} servers: ${first.seconds.toFixed(1)} s`)
    const before = await watched.readings()
    const fanOut = await timed(scene, [await organisation.deploy(fleet, { commit: commits.next })])
    say(`the next one: ${fanOut.seconds.toFixed(1)} s`)
    const many = await deployAll(scene, say)
    say(`${environments.length} environments at once: ${many.seconds.toFixed(1)} s`)
    const after = await watched.stop()
    const { violations, ...counted } = await simulators.tally()
    const history = await longestHistory(keystone.temporal)
    const failures = [...first.failures, ...fanOut.failures, ...many.failures].map(told)
    return {
      ...size,
      seconds: hundredths(fanOut.seconds + many.seconds),
      workerPeakMb: Math.max(...after.peaksMb),
      maxHistoryEvents: history.events,
      sqlQueries: after.sqlQueries - before.sqlQueries,
      connections: after.connections,
      failed: failures.length + violations.length,
      recoveries: await scene.database.recoveries(),
      parts: { firstDeploySeconds: first.seconds, redeploySeconds: fanOut.seconds, environmentsSeconds: many.seconds },
      workerPeaksMb: after.peaksMb,
      largestHistory: history.workflowId,
      killedAfterSeconds: many.killedAfterSeconds,
      differences: await scene.database.differences(),
      pulls: scene.registry.pulls(),
      simulated: counted,
      failures: [...failures, ...violations],
    }
  } finally {
    await scene.close()
  }
}

const told = ({ summary, status, failure }: Unsuccessful): string => `${summary} ended ${status}: ${failure?.message ?? ''}`

const hundredths = (seconds: number): number => Math.round(seconds * 100) / 100

const secondsSince = (began: number): number => hundredths((performance.now() - began) / 1000)

/** How long operations took from their request to their end. */
interface Timed {
  seconds: number
  failures: Unsuccessful[]
}

async function timed({ database }: ScaleScene, operations: readonly Operation[], began = performance.now()): Promise<Timed> {
  const failures = await database.ended(operations.map(({ id }) => id))
  return { seconds: secondsSince(began), failures }
}

/** The second worker is killed when half of the new replicas run. */
async function deployAll(scene: ScaleScene, say: (line: string) => void): Promise<Timed & { killedAfterSeconds: number }> {
  const { organisation, environments, commits, database, workers } = scene
  const began = performance.now()
  const operations = await Promise.all(environments.map((id) => organisation.deploy(id, { commit: commits.main })))
  await database.started(operations.map(({ id }) => id), Math.ceil(environments.length / 2))
  await workers.killSecond()
  const killedAfterSeconds = secondsSince(began)
  say(`killed the second of two workers after ${killedAfterSeconds.toFixed(1)} s`)
  return { ...(await timed(scene, operations, began)), killedAfterSeconds }
}
