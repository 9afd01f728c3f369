import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { stepsOf } from '../../stack/demo/operation.ts'
import { openFloor } from './floor.ts'
import { compare, inSeconds, redeploy } from './redeploy.ts'
import { type BenchScene, openScene } from './scene.ts'

const usage = `npm run bench [-- --quick] [--json FILE]

Measures on a lab server of its own what a redeploy costs: against a script written by hand, in round trips, events and queries.
  --quick      few runs, under five minutes
  --json FILE  the figures as JSON`

const say = (line: string) => console.log(`${(performance.now() / 1000).toFixed(1).padStart(7)} s  ${line}`)

async function main(): Promise<void> {
  const options = { quick: { type: 'boolean' }, json: { type: 'string' }, help: { type: 'boolean' } } as const
  const { quick = false, json, help = false } = parseArgs({ options }).values
  if (help) return console.log(usage)
  const scene = await openScene(say)
  try {
    const figures = await measure(scene, quick)
    console.log(JSON.stringify(figures, null, 2))
    if (json) await writeFile(json, `${JSON.stringify(figures, null, 2)}\n`)
  } finally {
    await scene.close()
  }
}

async function measure(scene: BenchScene, isQuick: boolean) {
  const first = scene.firstDeploy
  for (const { name, startedAt, finishedAt } of stepsOf(first)) {
    say(`first deploy: ${name} ${inSeconds((Date.parse(finishedAt ?? '') - Date.parse(startedAt)) / 1000)}`)
  }
  const floor = await openFloor(scene.server)
  const before = await scene.keystone.workerCounts()
  const { tree } = await redeploy(scene, 'counted')
  const after = await scene.keystone.workerCounts()
  for (const { name, startedAt, finishedAt } of stepsOf(tree)) {
    const from = (Date.parse(startedAt) - Date.parse(tree.startedAt ?? '')) / 1000
    const to = (Date.parse(finishedAt ?? '') - Date.parse(tree.startedAt ?? '')) / 1000
    say(`redeploy: ${name} ${from.toFixed(2)} – ${to.toFixed(2)}`)
  }
  const temporal = await scene.keystone.histories(tree)
  const figures = await compare(scene, floor, isQuick ? 3 : 10, say)
  floor.close()
  return {
    redeploy: figures,
    ssh: { handshakesPerServer: after.handshakes, roundTripsPerReplica: after.roundTrips - before.roundTrips },
    temporal,
    sqlQueries: after.sqlQueries - before.sqlQueries,
  }
}

await main()
