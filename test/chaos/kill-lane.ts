import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { migrationsRan } from '../lab/instruments/index.ts'
import { openScene, type Scene, type Sample } from '../e2e/scene.ts'
import { type FaultLane, killAt, openFaultLane, reportFault } from './fault.ts'
import { describePoint, drawKillPoints } from './kill-points.ts'

const killsPerLane = 5

/** Five of the ten kills of a run, on a server of their own; two lanes run beside each other. */
export function killLane(lane: 0 | 1): void {
  const seed = inject('seed')
  let scene: Scene
  let sample: Sample
  let faults: FaultLane

  beforeAll(async () => {
    scene = await openScene({ name: lane === 0 ? 'kills' : 'more-kills' })
    sample = await scene.sample('visits')
    faults = await openFaultLane(scene, sample)
  }, 1_800_000)

  afterAll(() => scene.close())

  describe('a worker that is killed is no cause', () => {
    it.each(Array.from({ length: killsPerLane }, (_, index) => lane * killsPerLane + index))('kill %i', async (index) => {
      const { undisturbed } = faults
      const point = drawKillPoints(undisturbed, { seed })[index]
      if (!point) throw new Error(`ten points are drawn, and ${index} is none of them`)
      console.log(`kill ${index} of seed ${seed}: ${describePoint(point)}`)
      const faulted = await faults.deploy(killAt(scene, undisturbed, point))
      await reportFault(scene, { name: 'worker killed', seed, point: describePoint(point) }, faulted)
      const { tree, pending, repeated, madeTwice, leftovers } = faulted
      expect(tree).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null, warnings: [] })
      const wrong = { repeated, madeTwice, leftovers, missing: pending.missing }
      expect(wrong).toEqual({ repeated: [], madeTwice: [], leftovers: [], missing: [] })
      expect(pending.compared).toBeGreaterThan(0)
      expect((await sample.ask('/')).body).toContain(`commit ${await scene.lab.gitHost.head(sample.repository, 'main')}`)
    })
  })

  it('every migration has run once', async () => {
    const label = `label=keystone.service=${scene.prepared.databaseId}`
    const container = await scene.server.exec(['docker', 'ps', '--filter', label, '--format', '{{.Names}}'])
    const ran = await migrationsRan(scene.server, { container, database: 'visits_production' })
    expect(new Set(ran.map(({ migration }) => migration)).size).toBe(ran.length)
    expect(new Set(ran.map(({ batch }) => batch))).toEqual(new Set([1]))
  })
}
