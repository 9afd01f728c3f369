import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Figures, stepSeconds, table } from './figures.ts'
import { openFloor } from './floor.ts'
import { compare, redeploy } from './redeploy.ts'
import { type BenchScene, openScene } from './scene.ts'
import { hasty, usual } from './scale/behaviour.ts'
import { overLimits, type ScaleFigures, scaleTable } from './scale/figures.ts'
import { measureScale } from './scale/measure.ts'
import type { ScaleWish } from './scale/scene.ts'
import { redeployUnderLoad } from './under-load.ts'
import { overLimits as overWebhookLimits, type WebhookFigures, webhookTable } from './webhooks/figures.ts'
import { measureWebhooks } from './webhooks/measure.ts'

const usage = `npm run bench [-- [scale | webhooks] [--quick] [--json FILE]]

Measures on a lab server of its own what a redeploy costs: against a script written by hand, in round trips, events and queries,
and what users notice of it under load.
  scale        instead: many simulated servers in one environment, and many environments deployed at once by two workers, one of
               which is killed; exits with 1 where something fails or is over its limit
  webhooks     instead: how long git hosts wait for an answer that push 200 times a second; exits with 1 likewise
  --quick      few runs or servers, under five minutes; under two with scale or webhooks
  --json FILE  the figures as JSON`

const say = (line: string) => console.log(`${(performance.now() / 1000).toFixed(1).padStart(7)} s  ${line}`)

async function main(): Promise<void> {
  const options = { quick: { type: 'boolean' }, json: { type: 'string' }, help: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const { quick = false, json, help = false } = values
  const chosen = benches[positionals.join()]
  if (help || !chosen) return console.log(usage)
  const figures = await chosen(quick)
  if (json) await writeFile(json, `${JSON.stringify(figures, null, 2)}\n`)
}

const few: ScaleWish = { servers: 8, environments: 6, behaviour: hasty }
const many: ScaleWish = { servers: 200, environments: 100, behaviour: usual }

async function benchScale(quick: boolean): Promise<{ scale: ScaleFigures }> {
  const scale = await measureScale(quick ? few : many, say)
  console.log(scaleTable(scale))
  complain(overLimits(scale))
  return { scale }
}

const benches: Readonly<Record<string, (quick: boolean) => Promise<object>>> = { '': benchRedeploys, scale: benchScale, webhooks: benchWebhooks }

async function benchWebhooks(quick: boolean): Promise<{ webhooks: WebhookFigures }> {
  const webhooks = await measureWebhooks({ seconds: quick ? 15 : 60 }, say)
  console.log(webhookTable(webhooks))
  complain(overWebhookLimits(webhooks))
  return { webhooks }
}

/** A line each for what is over its limit. */
function complain(lines: readonly string[]): void {
  for (const line of lines) say(line)
  if (lines.length > 0) process.exitCode = 1
}

async function benchRedeploys(quick: boolean): Promise<Figures> {
  const scene = await openScene(say)
  try {
    const figures = await measure(scene, quick ? { runs: 3, loaded: 3 } : { runs: 10, loaded: 50 })
    console.log(table(figures))
    return figures
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
  const load = await redeployUnderLoad(scene, floor, loaded, say)
  floor.close()
  return { redeploy: comparison, ...counted, load }
}

await main()
