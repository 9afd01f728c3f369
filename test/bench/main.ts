import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Figures, stepSeconds, table } from './figures.ts'
import { openFloor } from './floor.ts'
import { compare, redeploy } from './redeploy.ts'
import { type BenchScene, openScene } from './scene.ts'
import { redeployUnderLoad } from './under-load.ts'

const usage = `npm run bench [-- --quick] [--json FILE]

Measures on a lab server of its own what a redeploy costs: against a script written by hand, in round trips, events and queries,
and what users notice of it under load.
  --quick      few runs, under five minutes
  --json FILE  the figures as JSON`

const say = (line: string) => console.log(`${(performance.now() / 1000).toFixed(1).padStart(7)} s  ${line}`)

async function main(): Promise<void> {
  const options = { quick: { type: 'boolean' }, json: { type: 'string' }, help: { type: 'boolean' } } as const
  const { quick = false, json, help = false } = parseArgs({ options }).values
  if (help) return console.log(usage)
  const scene = await openScene(say)
  try {
    const figures = await measure(scene, quick ? { runs: 3, loaded: 3 } : { runs: 10, loaded: 50 })
    console.log(table(figures))
    if (json) await writeFile(json, `${JSON.stringify(figures, null, 2)}\n`)
  } finally {
    await scene.close()
  }
}

async function measure(scene: BenchScene, { runs, loaded }: { runs: number; loaded: number }): Promise<Figures> {
  const { keystone, server, firstDeploy } = scene
  const floor = await openFloor(server)
  const before = await keystone.workerCounts()
  const { tree } = await redeploy(scene, 'counted')
  const after = await keystone.workerCounts()
  const counted = {
    firstDeploy: { steps: stepSeconds(firstDeploy) },
    ssh: { handshakesPerServer: after.handshakes, roundTripsPerReplica: after.roundTrips - before.roundTrips },
    temporal: await keystone.histories(tree),
    sqlQueries: after.sqlQueries - before.sqlQueries,
  }
  const comparison = await compare(scene, floor, runs, say)
  floor.close()
  return { redeploy: comparison, ...counted, load: await redeployUnderLoad(scene, loaded, say) }
}

await main()
