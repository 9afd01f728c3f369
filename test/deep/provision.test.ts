import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOrganisation } from '../../stack/demo/organisation.ts'
import { stepsOf, type OperationTree } from '../../stack/demo/operation.ts'
import { watch } from '../chaos/fault.ts'
import { startKeystone, type TestKeystone } from '../e2e/keystone.ts'
import { openSceneLab } from '../e2e/scene.ts'
import type { Lab, LabServer } from '../lab/index.ts'
import { findRepeated, unitRuns } from '../lab/instruments/index.ts'
import { provisioningSteps as steps } from './provisioning-steps.ts'

let lab: Lab
let keystone: TestKeystone

beforeAll(async () => {
  lab = await openSceneLab('deep-provision')
  keystone = await startKeystone({ dockerHubMirror: lab.mirror.url })
}, 900_000)

afterAll(async () => {
  await keystone?.stop()
  await lab?.down()
})

/** Provisions a server of its own; `fault` is begun when `step` has succeeded, and has ended before its worker is started again. */
async function provisioned(name: string, step: string, fault: (server: LabServer) => Promise<void> = async () => {}): Promise<OperationTree> {
  const [server, organisation] = await Promise.all([lab.server(name, { preinstalled: true }), createOrganisation(keystone.client, name)])
  const { operation } = await organisation.adoptServer(server)
  const watching = watch({ organisation }, operation)
  await watching.reaches((tree) => stepsOf(tree).some((one) => one.name === step && one.status === 'succeeded'))
  await keystone.worker.end('SIGKILL')
  await fault(server)
  await keystone.worker.start()
  const tree = await watching.ended
  expect(tree).toMatchObject({ status: 'succeeded', outcome: 'active', failure: null, warnings: [] })
  expect(findRepeated(await unitRuns(server))).toEqual([])
  expect(await server.exec(['systemctl', 'list-units', '--plain', '--no-legend', 'keystone-reopen*'])).toBe('')
  await server.remove()
  return tree
}

describe('a server becomes active, and no step runs twice, though the worker is killed', () => {
  it.each(steps.map((step, index) => [step, index] as const))('after "%s"', async (step, index) => {
    const tree = await provisioned(`k${index}`, step)
    expect(stepsOf(tree).map(({ name }) => name).toSorted()).toEqual(steps.toSorted())
  })

  it('and is away until the server has opened again', async () => {
    const tree = await provisioned('away', 'close access', async (server) => {
      await server.exec(['systemctl', 'start', '--wait', 'keystone-reopen.service'])
      expect(await server.exec(['ufw', 'status'])).toContain('inactive')
    })
    expect(stepsOf(tree).filter(({ name }) => name === 'close access')).toHaveLength(2)
  })
})
