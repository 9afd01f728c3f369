import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kindOf } from '../chaos/kill-points.ts'
import { leftovers, shapeOf } from '../chaos/leftovers.ts'
import { watch } from '../chaos/fault.ts'
import { stepsOf, type OperationTree } from '../../stack/demo/operation.ts'
import { compareFingerprints, serverFingerprint } from '../lab/instruments/index.ts'
import { openScene, type Sample, type Scene } from './scene.ts'
import { commitServed, underLoad, visitsOf, wrongMinutes } from './under-load.ts'

let scene: Scene
let visits: Sample
/** Its websocket lives through the deploys of the other. */
let neighbour: Sample
const begun = Date.now()

beforeAll(async () => {
  scene = await openScene({ name: 'nobody-notices' })
  visits = await scene.sample('visits')
  neighbour = await scene.sample('sockets')
  const websocket = { command: 'php artisan socket:serve', port: 8080 }
  await scene.organisation.addService(neighbour.environmentId, { name: 'websocket', role: 'websocket', config: { websocket } })
  for (const sample of [visits, neighbour]) {
    expect(await scene.deployed(`first of ${sample.domain}`, sample)).toMatchObject({ status: 'succeeded', warnings: [] })
  }
}, 600_000)

afterAll(() => scene.close())

/** Deploys under load; `meanwhile` is begun with it. */
const deployed = (wish: { branch?: string }, meanwhile: (deploy: ReturnType<typeof watch>, id: string) => Promise<void> = async () => {}) =>
  underLoad(scene, { sample: visits, neighbour }, async () => {
    const operation = await scene.organisation.deploy(visits.environmentId, wish)
    const watching = watch(scene, operation)
    await meanwhile(watching, operation.id)
    return watching.ended
  })

const commit = () => {
  const files = { VERSION: `${new Date().toISOString()}\n` }
  return scene.lab.gitHost.pushCommit(visits.repository, 'main', { files })
}

const runs = (step: string) => (tree: OperationTree) =>
  stepsOf(tree).some((one) => kindOf(one) === step && one.status === 'running')

describe('users notice nothing of', () => {
  it('a redeploy of a new commit', async () => {
    const before = shapeOf(await serverFingerprint(scene.server))
    const old = await commitServed(visits)
    const head = await commit()
    const { result: tree, load, noticed } = await deployed({})
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null, warnings: [] })
    expect(noticed).toEqual([])
    expect(load.versions.map((version) => version.commit)).toEqual([old, head])
    expect(Date.parse(load.versions[0]!.lastAt)).toBeLessThan(Date.parse(tree.finishedAt ?? ''))
    expect(await commitServed(visits)).toBe(head)
    expect(leftovers(before, shapeOf(await serverFingerprint(scene.server)), 1)).toEqual([])
  })

  it('a deploy whose new version never gets healthy', async () => {
    const before = await serverFingerprint(scene.server)
    const serving = await commitServed(visits)
    const { result: tree, load, noticed } = await deployed({ branch: 'unhealthy' })
    expect(tree).toMatchObject({ status: 'failed', failure: { code: 'step_failed', step: 'start web' } })
    expect(noticed).toEqual([])
    expect(load.versions.map((version) => version.commit)).toEqual([serving])
    expect(compareFingerprints(before, await serverFingerprint(scene.server))).toEqual([])
  })

  it('a cancel during the health wait', async () => {
    await commit()
    const before = await serverFingerprint(scene.server)
    const serving = await commitServed(visits)
    const { result: tree, load, noticed } = await deployed({}, async ({ reaches }, id) => {
      await reaches(runs('start web'))
      await scene.organisation.cancel(id)
    })
    expect(tree).toMatchObject({ status: 'cancelled', failure: null })
    expect(noticed).toEqual([])
    expect(load.versions.map((version) => version.commit)).toEqual([serving])
    expect(compareFingerprints(before, await serverFingerprint(scene.server))).toEqual([])
  })

  it('a cancel after the commit, which is refused', async () => {
    const before = shapeOf(await serverFingerprint(scene.server))
    const head = await commit()
    const { result: tree, noticed } = await deployed({}, async ({ reaches }, id) => {
      await reaches(({ committedAt }) => committedAt !== null)
      await expect(scene.organisation.cancel(id)).rejects.toMatchObject({ status: 409, code: 'already_live' })
    })
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null, warnings: [] })
    expect(noticed).toEqual([])
    expect(await commitServed(visits)).toBe(head)
    expect(leftovers(before, shapeOf(await serverFingerprint(scene.server)), 1)).toEqual([])
  })
})

it('over all of this each minute was ticked exactly once', async () => {
  const { ticks } = await visitsOf(visits)
  expect(ticks.length).toBeGreaterThan(0)
  expect(wrongMinutes({ ticks }, { from: begun, to: Date.now() })).toEqual([])
})
