import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { kindOf } from '../chaos/kill-points.ts'
import { leftovers, shapeOf } from '../chaos/leftovers.ts'
import { watch } from '../chaos/fault.ts'
import { stepsOf, type OperationTree } from '../../stack/demo/operation.ts'
import { compareFingerprints, serverFingerprint } from '../lab/instruments/index.ts'
import { openScene, type Sample, type Scene } from './scene.ts'
import { wrongMinutes } from '../load/noticed.ts'
import { type Neighbour, openNeighbour } from './neighbour.ts'
import { commitServed, underLoad, visitsOf } from './under-load.ts'
import { createVersions, type Versions } from './versions.ts'

let scene: Scene
let visits: Sample
let versions: Versions
let neighbour: Neighbour
const begun = Date.now()

/** A version that never gets healthy is known to be one sooner than usual; a slow machine may take its time to drain. */
const web = { startTimeoutSeconds: 20, drainWindowSeconds: 120 }

beforeAll(async () => {
  scene = await openScene({ name: 'nobody-notices' })
  visits = await scene.sample('visits', { web })
  versions = createVersions(scene, visits)
  expect(await scene.deployed('first deploy under load', visits)).toMatchObject({ status: 'succeeded', warnings: [] })
  neighbour = await openNeighbour(scene)
}, 600_000)

afterAll(async () => {
  await neighbour?.end()
  await scene?.close()
})

type Meanwhile = (id: string, deploy: ReturnType<typeof watch>) => Promise<void>

/** Deploys under load; `meanwhile` is begun with it. */
const deployed = (wish: { branch?: string } = {}, meanwhile: Meanwhile = async () => {}) =>
  underLoad(scene, visits, async () => {
    const operation = await scene.organisation.deploy(visits.environmentId, wish)
    const watching = watch(scene, operation)
    await meanwhile(operation.id, watching)
    return watching.ended
  })

const runs = (step: string) => (tree: OperationTree) =>
  stepsOf(tree).some((one) => kindOf(one) === step && one.status === 'running')

describe('users notice nothing of', () => {
  beforeEach(({ task }) => neighbour.mark(task.name))

  it('a redeploy of a new commit', async () => {
    const before = shapeOf(await serverFingerprint(scene.server))
    const old = await commitServed(visits)
    const head = await versions.next()
    const { result: tree, load, noticed } = await deployed()
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
    await versions.next()
    const before = await serverFingerprint(scene.server)
    const serving = await commitServed(visits)
    const { result: tree, load, noticed } = await deployed({}, async (id, { reaches }) => {
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
    const head = await versions.next()
    const { result: tree, noticed } = await deployed({}, async (id, { reaches }) => {
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
  expect(wrongMinutes(ticks, { from: begun, to: Date.now() })).toEqual([])
})

it('users of another environment have noticed nothing, and their sockets have lived', async () => {
  expect(await neighbour.stop()).toEqual([])
})

it('and of their own deploy they notice that a socket is opened again, while workers and scheduler change with it', async () => {
  const { sample } = neighbour
  const worker = (await scene.organisation.services(sample.environmentId)).find(({ name }) => name === 'worker')
  const scheduler = { schedulerTargetServiceId: worker?.id, schedulerMode: 'every_replica' }
  await scene.organisation.changeEnvironment(sample.environmentId, scheduler)
  const head = await createVersions(scene, sample).next()
  const deploy = async () => scene.ended(await scene.organisation.deploy(sample.environmentId))
  const sockets = { websocketDomain: sample.domain, mayCloseWebsocket: true }
  const { result: tree, load, noticed } = await underLoad(scene, sample, deploy, sockets)
  expect(tree).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null, warnings: [] })
  expect(noticed).toEqual([])
  expect(await commitServed(sample)).toBe(head)
  expect(load.websocket.closings).toMatchObject([{ code: 1001 }])
  expect(new Set(load.websocket.versions).size).toBe(2)
  const names = async (label: string) => (await scene.server.exec(['docker', 'ps', '--filter', `label=${label}`, '--format', '{{.Names}}'])).split('\n').filter(Boolean)
  expect(await names('keystone.scheduler=yes')).toContainEqual(expect.stringMatching(/^sockets-production-worker-\w+-scheduler$/))
})
