import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { operationSchema, stepsOf, type OperationTree } from '../../stack/demo/operation.ts'
import { type Fault, type FaultedDeploy, type FaultLane, killAt, openFaultLane, type Wish } from '../chaos/fault.ts'
import { describePoint, drawKillPoints, kindOf } from '../chaos/kill-points.ts'
import { type Neighbour, openNeighbour } from '../e2e/neighbour.ts'
import { openScene, type Sample, type Scene } from '../e2e/scene.ts'
import { commitServed, underLoad } from '../e2e/under-load.ts'
import { createVersions, type Versions } from '../e2e/versions.ts'
import type { LongCase } from '../setup/sample.ts'

/** A deployed application whose users never stop. */
interface Stage {
  scene: Scene
  visits: Sample
  neighbour: Neighbour
  faults: FaultLane
  versions: Versions
}

interface RedeployCase extends LongCase {
  run(stage: Stage): Promise<void>
}

const kills = 12
const seed = inject('seed')

const runs = (step: RegExp) => (tree: OperationTree) =>
  stepsOf(tree).some((one) => step.test(kindOf(one)) && one.status === 'running')
const isCommitted = ({ committedAt }: OperationTree) => committedAt !== null

const nothing: Fault = async () => {}

/** Under load: what came of it, that nobody noticed, and that the commit serves which has to. */
async function unnoticed(
  { scene, visits, faults }: Stage,
  { fault = nothing, wish, serves }: { fault?: Fault; wish: Wish; serves: string | undefined },
): Promise<FaultedDeploy> {
  const { result, noticed } = await underLoad(scene, visits, () => faults.deploy(fault, wish))
  const { repeated, madeTwice, leftovers, pending } = result
  expect(noticed).toEqual([])
  const wrong = { repeated, madeTwice, leftovers, missing: pending.missing }
  expect(wrong).toEqual({ repeated: [], madeTwice: [], leftovers: [], missing: [] })
  expect(await commitServed(visits)).toBe(serves)
  return result
}

/** A deploy of a new version that succeeds whatever happens. */
async function redeployed(stage: Stage, fault?: Fault): Promise<void> {
  const serves = await stage.versions.next()
  const begin = () => stage.scene.organisation.deploy(stage.visits.environmentId)
  const { tree } = await unnoticed(stage, { fault, wish: { begin, isBuilding: true }, serves })
  expect(tree).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null, warnings: [] })
}

/** A deploy that does not come to its end: what was there before goes on. */
async function takenBack(stage: Stage, ending: object, { branch, fault }: { branch?: string; fault?: Fault }): Promise<void> {
  if (!branch) await stage.versions.next()
  const serves = await commitServed(stage.visits)
  const begin = () => stage.scene.organisation.deploy(stage.visits.environmentId, { branch })
  const { tree } = await unnoticed(stage, { fault, wish: { begin, isBuilding: true }, serves })
  expect(tree).toMatchObject(ending)
}

const cancelAt = (stage: Stage, isReached: (tree: OperationTree) => boolean): Fault => async ({ id }, { reaches }) => {
  await reaches(isReached)
  await stage.scene.organisation.cancel(id)
}

const refusedAt = (stage: Stage, isReached: (tree: OperationTree) => boolean): Fault => async ({ id }, { reaches }) => {
  await reaches(isReached)
  const cancelled = stage.scene.organisation.cancel(id)
  await expect(cancelled).rejects.toMatchObject({ status: 409, code: 'already_live' })
}

const cancelled = { status: 'cancelled', failure: null }
const failedAt = (step: string) => ({ status: 'failed', failure: { code: 'step_failed', step } })
const isDraining = (tree: OperationTree) => isCommitted(tree) && runs(/^(drain|stop replica)/)(tree)

const failures: readonly RedeployCase[] = [
  {
    ...{ name: 'a deploy whose new version never gets healthy', minutes: 2 },
    run: (stage) => takenBack(stage, failedAt('start web'), { branch: 'unhealthy' }),
  },
  {
    ...{ name: 'a deploy whose post_switch migration fails', minutes: 1.5 },
    run: (stage) => takenBack(stage, failedAt('migrate'), { branch: 'broken-migration' }),
  },
]

const cancels: readonly RedeployCase[] = [
  {
    ...{ name: 'a cancel during the build', minutes: 1 },
    run: (stage) => takenBack(stage, cancelled, { fault: cancelAt(stage, runs(/^build image$/)) }),
  },
  {
    ...{ name: 'a cancel during the health wait', minutes: 1 },
    run: (stage) => takenBack(stage, cancelled, { fault: cancelAt(stage, runs(/^start web$/)) }),
  },
  {
    ...{ name: 'a cancel during the drain, which is refused', minutes: 1 },
    run: (stage) => redeployed(stage, refusedAt(stage, isDraining)),
  },
  {
    ...{ name: 'a cancel after the commit, which is refused', minutes: 1 },
    run: (stage) => redeployed(stage, refusedAt(stage, isCommitted)),
  },
]

const killed = (index: number): RedeployCase => ({
  ...{ name: `a redeploy whose worker is killed, ${index + 1} of ${kills}`, minutes: 1.5 },
  async run(stage) {
    const { undisturbed } = stage.faults
    const point = drawKillPoints(undisturbed, { seed, count: kills, signals: ['SIGKILL'] })[index]
    if (!point) throw new Error(`${kills} points are drawn, and ${index} is none of them`)
    console.log(`kill ${index} of seed ${seed}: ${describePoint(point)}`)
    await redeployed(stage, killAt(stage.scene, undisturbed, point))
  },
})

/** Back to the version that was there before the last one. */
async function rolledBack(stage: Stage): Promise<void> {
  const { scene, visits, versions, faults } = stage
  const serves = await commitServed(visits)
  await versions.next()
  const deploy = () => scene.organisation.deploy(visits.environmentId)
  const { tree: before } = await faults.deploy(nothing, { begin: deploy, isBuilding: true })
  expect(before).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
  const path = `/organisations/${scene.organisation.id}/environments/${visits.environmentId}/rollbacks`
  const begin = () => scene.keystone.client.post(path, {}, operationSchema)
  const { tree } = await unnoticed(stage, { wish: { begin, isBuilding: false }, serves })
  expect(tree).toMatchObject({ status: 'succeeded', outcome: 'rolled_back', failure: null })
  expect(tree.warnings).toMatchObject([{ code: 'migrations_stay' }])
  expect(stepsOf(tree).map(({ name }) => name)).not.toContain('build image')
}

/** The matrix: what may happen to a deploy while users go on. */
export const redeployCases: readonly RedeployCase[] = [
  { name: 'a redeploy', minutes: 1, run: (stage) => redeployed(stage) },
  { name: 'a rollback', minutes: 1.5, run: rolledBack },
  ...failures,
  ...cancels,
  ...Array.from({ length: kills }, (_, index) => killed(index)),
]

/** Runs these cases one after the other, each under a load of its own. */
export function redeploySuite(name: string, cases: readonly RedeployCase[]): void {
  let stage: Stage

  beforeAll(async () => {
    const scene = await openScene({ name: 'deep-redeploy' })
    const web = { migration: { timing: 'post_switch' }, startTimeoutSeconds: 20, drainWindowSeconds: 120 }
    const visits = await scene.sample('visits', { web })
    const neighbour = await openNeighbour(scene)
    stage = { scene, visits, neighbour, faults: await openFaultLane(scene, visits), versions: createVersions(scene, visits) }
  }, 1_800_000)

  afterAll(async () => {
    await stage?.neighbour.end()
    await stage?.scene.close()
  })

  beforeEach(({ task }) => stage.neighbour.mark(task.name))

  describe(name, () => {
    it.each(cases.map((one) => [one.name, one] as const))('%s', (_, { run }) => run(stage), 600_000)
  })

  it('users of another environment have noticed nothing, and their sockets have lived', async () => {
    expect(await stage.neighbour.stop()).toEqual([])
  })
}
