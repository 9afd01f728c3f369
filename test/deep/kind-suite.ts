import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { operationKinds } from '../../domain/operations.ts'
import { stepsOf, type OperationTree } from '../../stack/demo/operation.ts'
import { type Fault, faulted, type Faulted, killAt, reportFault } from '../chaos/fault.ts'
import { describePoint, drawPlainKills, earlier, kindOf, type KillPoint } from '../chaos/kill-points.ts'
import { changedLike, leftovers, type Shape, shapeOf } from '../chaos/leftovers.ts'
import { serverFingerprint } from '../lab/instruments/index.ts'
import type { LongCase } from '../setup/sample.ts'
import { type KindCase, kindCases, withoutCase } from './kind-cases.ts'
import { openStage, type Stage } from './kind-stage.ts'
import { unfinishedRows } from './unfinished-rows.ts'

/** One of the kills of a case. */
interface KindKill extends LongCase {
  of: KindCase
  index: number
}

/** What an operation of a case has come to, and its server before it. */
interface Run extends Faulted {
  before: Shape
}

const killsOfCase = 5
const seed = inject('seed')
const nothing: Fault = async () => {}

const nameOf = ({ kind, of }: KindCase): string => (of ? `${kind} of ${of}` : kind)

/** Five kills of every kind of operation, in rounds: most find the state that they begin from as the one before has left it. */
export const kindKills: readonly KindKill[] = Array.from({ length: killsOfCase }, (_, index) =>
  kindCases.map((of) => ({ ...{ of, index, minutes: of.minutes }, name: `${nameOf(of)}, kill ${index + 1} of ${killsOfCase}` })),
).flat()

async function runCase(stage: Stage, of: KindCase, fault: Fault): Promise<Run> {
  const begin = await of.prepare(stage)
  const server = of.server ? await of.server(stage) : stage.scene.server
  const before = shapeOf(await serverFingerprint(server))
  const found = await faulted(stage.scene, { server, begin }, fault)
  const unfinished = await unfinishedRows(stage.scene.keystone.database.sql)
  const { repeated, madeTwice } = found
  expect({ repeated, madeTwice, unfinished }).toEqual({ repeated: [], madeTwice: [], unfinished: [] })
  return { ...found, before }
}

/** What two runs of a case have in common, whatever happens to their workers. */
const endingOf = (tree: OperationTree) => ({
  ...{ kind: tree.kind, status: tree.status, outcome: tree.outcome, failure: tree.failure, warnings: tree.warnings },
  steps: stepsOf(tree).map((step) => `${kindOf(step)}: ${step.status}`).toSorted(),
})

/** Runs each case undisturbed, when it is come by for the first time, and then with these kills, each from an equal state. */
export function kindSuite(name: string, kills: readonly KindKill[]): void {
  let stage: Stage
  const undisturbed = new Map<KindCase, Promise<Run>>()
  const undisturbedRun = (of: KindCase): Promise<Run> => {
    const run = undisturbed.get(of) ?? runCase(stage, of, nothing)
    undisturbed.set(of, run)
    return run
  }

  beforeAll(async () => {
    stage = await openStage()
  }, 1_800_000)

  afterAll(() => stage?.scene.close())

  it('no kind of operation is forgotten', async () => {
    const files = await readdir(join(import.meta.dirname, '..', '..', 'workflows'))
    const kinds = operationKinds.filter((kind) => files.includes(`${kind}.ts`))
    const known = [...kindCases.map(({ kind }) => kind), ...Object.keys(withoutCase)]
    expect([...new Set(known)].toSorted()).toEqual(kinds.toSorted())
  })

  it('what an operation leaves behind would be seen', async () => {
    const { server, keystone: { database: { sql } }, prepared } = stage.scene
    const before = shapeOf(await serverFingerprint(server))
    await server.exec(['docker', 'volume', 'create', 'keystone_planted'])
    await sql`update services set status = 'deploying' where id = ${prepared.cacheId}`
    const left = leftovers(changedLike(before, { before, after: before }), shapeOf(await serverFingerprint(server)))
    expect([...left, ...(await unfinishedRows(sql))]).toEqual(['1 instead of 0: volume keystone_planted', 'service cache-s1 is deploying'])
    await server.exec(['docker', 'volume', 'rm', 'keystone_planted'])
    await sql`update services set status = 'running' where id = ${prepared.cacheId}`
  })

  /** Kills at this point; an operation that was over before it is begun anew and killed earlier. */
  async function killedRun(of: KindCase, usual: Run, point: KillPoint): Promise<void> {
    const kill = killAt(stage.scene, usual.tree, point)
    let killedAt = new Date()
    const run = await runCase(stage, of, async (operation, running) => {
      killedAt = await kill(operation, running)
    })
    const left = leftovers(changedLike(run.before, usual), run.after)
    const isOver = Date.parse(run.tree.finishedAt ?? '') < killedAt.getTime()
    console.log(`${nameOf(of)}: ${describePoint(point)}${isOver ? ', when it was over' : ''}`)
    await reportFault(stage.scene, { name: `${nameOf(of)}, worker killed`, seed, point: describePoint(point) }, { ...run, leftovers: left })
    expect(endingOf(run.tree)).toEqual(endingOf(usual.tree))
    expect(left).toEqual([])
    if (isOver) await killedRun(of, usual, earlier(point))
  }

  describe(name, () => {
    it.each(kills.map((kill) => [kill.name, kill] as const))('%s', async (_, { of, index }) => {
      const usual = await undisturbedRun(of)
      expect(usual.tree).toMatchObject({ kind: of.kind, status: 'succeeded', failure: null, warnings: [] })
      const [point] = drawPlainKills(usual.tree, { seed: seed + kindCases.indexOf(of), count: killsOfCase }).slice(index)
      if (!point) throw new Error(`${killsOfCase} points are drawn, and ${index} is none of them`)
      await killedRun(of, usual, point)
    }, 600_000)
  })
}
