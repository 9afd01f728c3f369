import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { createOrganisation, type OrganisationClient } from '../../stack/demo/organisation.ts'
import { operationSchema, type OperationTree, stepsOf } from '../../stack/demo/operation.ts'
import { type FakeHetzner, type Fault, openFakeHetzner, type Seen } from '../lab/hetzner/fake.ts'
import { labMachines } from '../lab/hetzner/lab-machines.ts'
import type { Lab } from '../lab/index.ts'
import { histories, recordHistories } from './histories.ts'
import { startKeystone, type TestKeystone } from './keystone.ts'
import { openSceneLab } from './scene.ts'

let lab: Lab
let fake: FakeHetzner
let keystone: TestKeystone
let organisation: OrganisationClient
let providerId: string

const identified = z.object({ id: z.string() })
const serverSchema = identified.extend({
  ...{ name: z.string(), status: z.string(), hostKey: z.string().nullable(), architecture: z.string().nullable() },
  ...{ address: z.string().nullable(), privateAddress: z.string().nullable(), privateNetwork: z.string().nullable() },
})

beforeAll(async () => {
  lab = await openSceneLab('bought-servers')
  fake = await openFakeHetzner({ machines: labMachines(() => lab) })
  keystone = await startKeystone({ hetznerEndpoint: fake.endpoint, dockerHubMirror: lab.mirror.url })
  organisation = await createOrganisation(keystone.client, 'acme')
  const wish = { name: 'hetzner', type: 'hetzner', token: fake.token }
  providerId = (await keystone.client.post(`/organisations/${organisation.id}/providers`, wish, identified)).id
})
afterAll(async () => {
  await keystone.stop()
  await fake.close()
  await lab.down()
})

const root = () => `/organisations/${organisation.id}`
const order = { location: 'fsn1', type: 'cx22', image: 'debian-13', privateNetwork: 'inside' }
const boughtSchema = z.object({ server: serverSchema, operation: operationSchema })
const buy = (name: string) => keystone.client.post(`${root()}/providers/${providerId}/servers`, { ...order, name }, boughtSchema)
const stateOf = (id: string) => keystone.client.get(`${root()}/servers/${id}`, serverSchema)
const provision = (id: string) => keystone.client.post(`${root()}/servers/${id}/provision`, undefined, operationSchema)
const remove = async (id: string, name: string) => organisation.finished(await keystone.client.delete(`${root()}/servers/${id}?confirm=${name}`, operationSchema))

/** It befalls the first request to this route. */
function onFirst(route: string, fault: (seen: Seen) => Fault | null): void {
  let isOver = false
  fake.fault = (seen) => {
    if (isOver || seen.route !== route) return null
    isOver = true
    return fault(seen)
  }
}

let web: { id: string; tree: OperationTree }

it('a server is bought once and becomes active, though the answer is lost and the worker killed while it is made', async () => {
  let restarted: Promise<void> | undefined
  onFirst('POST /servers', () => {
    restarted = keystone.worker.end('SIGKILL').then(() => keystone.worker.start())
    return 'lost'
  })
  const { server, operation } = await buy('web-1')
  expect(server).toMatchObject({ status: 'new', address: null, hostKey: expect.stringMatching(/^ecdsa-sha2-nistp256 /) })
  const tree = await organisation.finished(operation)
  await restarted
  expect(tree, keystone.worker.output().slice(-2000)).toMatchObject({ status: 'succeeded', outcome: 'active' })
  expect(stepsOf(tree).map(({ name, status }) => `${name} ${status}`).slice(0, 3)).toEqual(['create machine succeeded', 'make host key succeeded', 'drop given host key succeeded'])
  expect([fake.project.bought.length, fake.project.keys.length, fake.project.networks.length]).toEqual([1, 1, 1])
  web = { id: server.id, tree }
  await recordHistories(keystone, 'server-bought', tree)
})

it('it has the host key that it made itself, and none that the provider knows', async () => {
  const [machine] = await lab.servers()
  const own = (await machine!.exec(['cat', '/etc/ssh/ssh_host_ed25519_key.pub'])).split(' ').slice(0, 2).join(' ')
  expect(await stateOf(web.id)).toMatchObject({
    ...{ status: 'active', hostKey: own, architecture: 'amd64' },
    ...{ address: machine!.address, privateAddress: machine!.privateAddress, privateNetwork: 'hetzner/inside' },
  })
  expect(await machine!.exec(['sh', '-c', 'ls /etc/ssh/ssh_host_*'])).toBe('/etc/ssh/ssh_host_ed25519_key\n/etc/ssh/ssh_host_ed25519_key.pub')
})

it('provisioning it again asks the provider for nothing', async () => {
  const before = fake.asked.length
  expect(await organisation.finished(await provision(web.id))).toMatchObject({ status: 'succeeded' })
  expect(fake.asked.length).toBe(before)
})

it('what cannot be bought fails with what to do, and the same server is bought by the next try', async () => {
  fake.fault = ({ route }) => (route === 'POST /servers' ? { refused: { status: 403, code: 'resource_limit_exceeded' } } : null)
  const { server, operation } = await buy('web-2')
  const failed = await organisation.finished(operation)
  expect(failed).toMatchObject({ status: 'failed', failure: { code: 'provider_limit_reached', step: 'create machine', message: expect.stringContaining('have the limit raised') } })
  expect((await stateOf(server.id)).status).toBe('failed')
  fake.fault = ({ route }) => (route === 'POST /servers' ? { failing: 'create_server' } : null)
  const broken = await organisation.finished(await provision(server.id))
  expect(broken).toMatchObject({ status: 'failed', failure: { code: 'provider_machine_failed' } })
  expect(fake.project.servers).toHaveLength(1)
  fake.fault = () => null
  expect(await organisation.finished(await provision(server.id))).toMatchObject({ status: 'succeeded' })
  expect(fake.project.servers.map(({ name }) => name.replace(/-\w+$/, ''))).toEqual(['web-1', 'web-2'])
  await remove(server.id, 'web-2')
})

it('one that is removed is removed at the provider, though that is out of order for a moment', async () => {
  onFirst('DELETE /servers/{id}', () => ({ refused: 'bad_gateway' }))
  const tree = await remove(web.id, 'web-1')
  expect(tree).toMatchObject({ kind: 'server_remove', status: 'succeeded', outcome: 'removed' })
  expect([fake.project.servers, fake.project.keys, await lab.servers()]).toEqual([[], [], []])
  await recordHistories(keystone, 'server-removed', tree)
})

it('nothing of it is left at the provider when that is forgotten', async () => {
  expect(fake.project.networks).toHaveLength(1)
  await keystone.client.delete(`${root()}/providers/${providerId}`, identified)
  expect(fake.project.networks).toEqual([])
})

it('the token is in no log and in no history', async () => {
  const told = [keystone.api.output(), keystone.worker.output(), ...Object.values(await histories(keystone))]
  expect(told.filter((text) => text.includes(fake.token))).toEqual([])
  expect(told.filter((text) => text.includes('PRIVATE KEY'))).toEqual([])
})
