import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { stepsOf, type OperationTree } from '../../stack/demo/operation.ts'
import { recordRecoveries } from '../e2e/histories.ts'
import { openScene, type Sample, type Scene } from '../e2e/scene.ts'
import { compareFingerprints, serverFingerprint } from '../lab/instruments/index.ts'
import { until } from '../lab/until.ts'
import { type FaultLane, openFaultLane, reportFault } from './fault.ts'
import { kindOf } from './kill-points.ts'

const seed = inject('seed')

let scene: Scene
let sample: Sample
let faults: FaultLane

beforeAll(async () => {
  scene = await openScene({ name: 'losses' })
  sample = await scene.sample('visits')
  faults = await openFaultLane(scene, sample)
}, 1_800_000)

afterAll(async () => {
  await recordRecoveries(scene.keystone)
  await scene.close()
})

const runs = (step: string) => (tree: OperationTree) =>
  stepsOf(tree).some((one) => kindOf(one) === step && one.status === 'running')
const commitServed = async () => /^commit (\S+)$/m.exec((await sample.ask('/')).body)?.[1]

it('a server that is rebooted in the middle is no cause', async () => {
  const faulted = await faults.deploy(async (_, { reaches }) => {
    await reaches(runs('start web'))
    await scene.server.reboot()
  })
  await reportFault(scene, { name: 'server rebooted', seed, point: 'during "start web"' }, faulted)
  const { tree, repeated, leftovers, pending } = faulted
  expect(tree).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null })
  expect({ repeated, leftovers, missing: pending.missing }).toEqual({ repeated: [], leftovers: [], missing: [] })
  expect(await commitServed()).toBe(await scene.lab.gitHost.head(sample.repository, 'main'))
})

it('a workflow that is terminated before the commit ends failed, and its server is clean', async () => {
  const served = await commitServed()
  const before = await serverFingerprint(scene.server)
  const faulted = await faults.deploy(async ({ temporal: { workflowId } }, { reaches }) => {
    await reaches(runs('start web'))
    await scene.keystone.temporal.client.workflow.getHandle(workflowId).terminate('the test wants it')
  })
  const left = compareFingerprints(before, await serverFingerprint(scene.server))
  await reportFault(scene, { name: 'workflow terminated', seed, point: 'during "start web"' }, { ...faulted, leftovers: left })
  expect(faulted.tree).toMatchObject({ status: 'failed', failure: { code: 'workflow_lost', hint: expect.any(String) } })
  expect(left).toEqual([])
  expect(faulted.repeated).toEqual([])
  expect(await commitServed()).toBe(served)
})

it('a deploy that is cancelled before the commit leaves nothing behind', async () => {
  const served = await commitServed()
  const before = await serverFingerprint(scene.server)
  const faulted = await faults.deploy(async ({ id }, { reaches }) => {
    await reaches(runs('start web'))
    await scene.organisation.cancel(id)
  })
  const left = compareFingerprints(before, await serverFingerprint(scene.server))
  await reportFault(scene, { name: 'cancelled', seed, point: 'during "start web"' }, { ...faulted, leftovers: left })
  expect(faulted.tree).toMatchObject({ status: 'cancelled', failure: null })
  expect(left).toEqual([])
  expect(await commitServed()).toBe(served)
})

it('a workflow that is terminated after the commit is completed', async () => {
  const faulted = await faults.deploy(async ({ id, temporal: { workflowId } }, { reaches }) => {
    await reaches((tree) => tree.id === id && tree.committedAt !== null)
    await scene.keystone.temporal.client.workflow.getHandle(workflowId).terminate('the test wants it')
  })
  await reportFault(scene, { name: 'workflow terminated', seed, point: 'after the commit' }, faulted)
  expect(faulted.tree).toMatchObject({ status: 'succeeded', failure: null })
  expect({ repeated: faulted.repeated, leftovers: faulted.leftovers }).toEqual({ repeated: [], leftovers: [] })
  await until('the new version', async () => (await commitServed()) === (await scene.lab.gitHost.head(sample.repository, 'main')))
})
