import { afterAll, beforeAll, expect, it } from 'vitest'
import { createOrganisation, type OrganisationClient } from '../stack/demo/organisation.ts'
import { generateDeployKey } from '../drivers/sources/deploy-key.ts'
import { printedOutput } from './api/live/output.ts'
import { openViewer } from './api/live/viewer.ts'
import { openSimulatedServer, type SimulatedServer } from './bench/scale/server/ssh-server.ts'
import { newTally } from './bench/scale/server/tally.ts'
import { startKeystone, type TestKeystone } from './e2e/keystone.ts'

/** Viewer, API and worker in three processes, and a server that only seems to be one. */
const rootKey = generateDeployKey('root')
const privateAddress = '10.77.0.3'
const printed = printedOutput(40_000)
const tally = newTally()

let keystone: TestKeystone
let server: SimulatedServer
let organisation: OrganisationClient

beforeAll(async () => {
  const behaviour = {
    ...{ seed: 1, refusedShare: 0, droppedShare: 0 },
    latencyMilliseconds: { least: 0, most: 0 },
    stepMilliseconds: { least: 20, most: 20 },
  }
  const wished = { number: 1, name: 's1', privateAddress, rootPublicKey: rootKey.publicKey }
  server = await openSimulatedServer(wished, { behaviour, tally, prints: { 'install-packages': printed } })
  keystone = await startKeystone()
  organisation = await createOrganisation(keystone.client, 'live')
})
afterAll(async () => {
  await keystone.stop()
  await server.close()
})

it('and the API may be killed between two lines: each line of a step is shown once, in order, and the step does not begin anew', async () => {
  const { port: sshPort, hostKey } = server
  const wish = { name: 's1', address: '127.0.0.1', sshPort, privateAddress, hostKey, rootKey: rootKey.privateKey.reveal() }
  const { operation } = await organisation.adoptServer(wish)
  const url = `${keystone.apiUrl}/organisations/${organisation.id}/operations/${operation.id}/events`
  const viewers = Array.from({ length: 3 }, () => openViewer({ url, token: keystone.secrets.ownerToken }))
  const seenByAll = (bytes: number) => expect.poll(() => Math.min(...viewers.map(({ seen }) => seen())), { timeout: 50_000 }).toBeGreaterThan(bytes)
  await seenByAll(printed.length / 8)
  await keystone.worker.end('SIGKILL')
  await keystone.worker.start()
  await seenByAll(printed.length / 2)
  await keystone.api.end('SIGKILL')
  await keystone.api.start()
  await Promise.all(viewers.map(({ ended }) => ended))
  for (const { texts, wrong, connections } of viewers) {
    expect([wrong, connections() > 1]).toEqual([[], true])
    expect(texts().filter((text) => text.includes('line 0 '))).toHaveLength(1)
    expect(texts().some((text) => text.startsWith(printed))).toBe(true)
  }
  expect((await organisation.finished(operation)).status).toBe('succeeded')
  expect([tally.violations, tally.reattached > 0]).toEqual([[], true])
}, 180_000)
