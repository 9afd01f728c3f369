import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { changeFirewalls, firewallOf, forgetApplied, recordFirewall, serversOpenTo } from '../../db/firewalls.ts'
import { assignHostPorts } from '../../db/host-ports.ts'
import { environmentAttachments, servicePlacements, serviceReplicas } from '../../db/schema/index.ts'
import { detach, endDetached } from '../../db/slice-uses.ts'
import { assignedPorts } from '../../domain/firewall.ts'
import type { EnvironmentId, ReplicaId, ServerId, ServiceId } from '../../domain/ids.ts'
import { createTestDatabase } from '../database.ts'
import { environment, gateway, organisation, replica, server, service, slice } from './rows.ts'

const database = await createTestDatabase()
const { db } = database
afterAll(database.close)

const organisationId = await organisation(db)

let lastAddress = 1

/** A server in the private network, with its address there. */
async function placed(privateNetwork = 'eu'): Promise<{ id: ServerId; address: string }> {
  lastAddress += 1
  const address = `10.0.0.${lastAddress}`
  return { id: await server(db, organisationId, { privateAddress: address, privateNetwork }), address }
}

const portOf = async (id: ReplicaId) => (await db.select().from(serviceReplicas).where(eq(serviceReplicas.id, id)))[0]!.hostPort
const withPort = async (serviceId: ServiceId, serverId: ServerId, values = {}) => {
  const id = await replica(db, { serviceId, serverId, ...values })
  await db.transaction((tx) => assignHostPorts(tx, [id]))
  return { id, port: (await portOf(id))! }
}

describe('a port on the private address', () => {
  test('is each replica\'s own, also where forty ask at once', async () => {
    const [{ id: serverId }, { id: other }] = [await placed(), await placed()]
    const data = await service(db, organisationId)
    const asked = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => replica(db, { serviceId: data, serverId: index % 2 ? serverId : other })),
    )
    await Promise.all(asked.map((id) => db.transaction((tx) => assignHostPorts(tx, [id]))))
    const ports = await Promise.all(asked.map(portOf))
    const here = ports.filter((_, index) => index % 2)
    expect(new Set(here).size).toBe(20)
    expect(ports.every((port) => port !== null && port >= assignedPorts.first && port <= assignedPorts.last)).toBe(true)
  })

  test('stays, whoever asks again', async () => {
    const { id, port } = await withPort(await service(db, organisationId), (await placed()).id)
    await db.transaction((tx) => assignHostPorts(tx, [id]))
    expect(await portOf(id)).toBe(port)
  })

  test('is nobody\'s where a server has no private address', async () => {
    const id = await replica(db, { serviceId: await service(db, organisationId), serverId: await server(db, organisationId) })
    await db.transaction((tx) => assignHostPorts(tx, [id]))
    expect(await portOf(id)).toBeNull()
  })

  test('that would be taken already is the next one', async () => {
    const { id: serverId } = await placed()
    const data = await service(db, organisationId)
    const first = await withPort(data, serverId)
    await database.sql`update service_replicas set host_port = null where id = ${first.id}`
    await replica(db, { serviceId: data, serverId, hostPort: first.port })
    await db.transaction((tx) => assignHostPorts(tx, [first.id]))
    expect(await portOf(first.id)).toBe(first.port === assignedPorts.last ? assignedPorts.first : first.port + 1)
  })
})

describe('a firewall', () => {
  const rulesOf = async (id: ServerId) => (await firewallOf(db, id)).openPorts
  const change = (...ids: ServerId[]) => db.transaction((tx) => changeFirewalls(tx, ids))

  async function attached(environmentId: EnvironmentId, serviceId: ServiceId, { isPrimary = true } = {}): Promise<void> {
    await db.insert(environmentAttachments).values({ environmentId, serviceId, serviceSliceId: await slice(db, serviceId), role: 'database', isPrimary })
  }
  async function web(environmentId: EnvironmentId, ...serverIds: ServerId[]): Promise<ServiceId> {
    const id = await service(db, organisationId, { environmentId, category: 'application', type: 'laravel', driverName: 'laravel', processRoles: ['web'] })
    for (const serverId of serverIds) await db.insert(servicePlacements).values({ serviceId: id, serverId })
    return id
  }

  test('lets the servers of attached environments reach a database, wherever they are placed or still run, and nobody else', async () => {
    const [own, one, two, elsewhere, foreign] = [await placed(), await placed(), await placed(), await placed('us'), await placed()]
    const data = await service(db, organisationId)
    const { port } = await withPort(data, own.id, { role: 'server' })
    const [attachedTo, other] = [await environment(db, organisationId), await environment(db, organisationId)]
    const placedWeb = await web(attachedTo, own.id, one.id, elsewhere.id)
    await replica(db, { serviceId: placedWeb, serverId: two.id })
    await replica(db, { serviceId: placedWeb, serverId: foreign.id, status: 'removed' })
    await web(other, foreign.id)
    await change(own.id)
    expect(await rulesOf(own.id)).toEqual([])
    await attached(attachedTo, data)
    expect(await change(own.id)).toMatchObject([{ serverId: own.id, revision: 2 }])
    expect(await rulesOf(own.id)).toEqual([{ address: own.address, port, sources: [one.address, two.address].toSorted() }])
    expect(await serversOpenTo(db, attachedTo)).toEqual(expect.arrayContaining([own.id, two.id, foreign.id]))
  })

  test('lets an environment reach what was detached from it until its next version runs, and forgets it then', async () => {
    const [own, one] = [await placed(), await placed()]
    const data = await service(db, organisationId)
    const { port } = await withPort(data, own.id, { role: 'server' })
    const environmentId = await environment(db, organisationId)
    await replica(db, { serviceId: await web(environmentId, one.id), serverId: one.id })
    await attached(environmentId, data)
    const [attachment] = await db.select().from(environmentAttachments).where(eq(environmentAttachments.serviceId, data))
    await db.transaction((tx) => detach(tx, attachment!.id))
    await change(own.id)
    expect(await rulesOf(own.id)).toEqual([{ address: own.address, port, sources: [one.address] }])
    await endDetached(db, environmentId)
    expect(await serversOpenTo(db, environmentId)).toEqual(expect.arrayContaining([own.id]))
    await change(own.id)
    expect(await rulesOf(own.id)).toEqual([])
  })

  test('lets a gateway reach the replicas of the environments that it routes to', async () => {
    const [own, gate] = [await placed(), await placed()]
    const environmentId = await environment(db, organisationId)
    const { port } = await withPort(await web(environmentId, own.id), own.id)
    const gatewayId = await gateway(db, organisationId, gate.id)
    await change(own.id)
    expect(await rulesOf(own.id)).toEqual([])
    await slice(db, gatewayId, { type: 'route', environmentId, domain: 'shop.example.com' })
    await change(own.id)
    expect(await rulesOf(own.id)).toEqual([{ address: own.address, port, sources: [gate.address] }])
  })

  test('lets those reach a public service over the internet who have no private way to it, and closes its port to all others', async () => {
    const [ownPublic, farPublic] = ['198.51.100.1', '198.51.100.2']
    const own = { id: await server(db, organisationId, { address: ownPublic, privateAddress: '10.9.0.1', privateNetwork: 'asia' }) }
    const near = { id: await server(db, organisationId, { address: '198.51.100.3', privateAddress: '10.9.0.3', privateNetwork: 'asia' }) }
    const far = { id: await server(db, organisationId, { address: farPublic }) }
    const data = await service(db, organisationId, { allowPublic: true })
    const { port } = await withPort(data, own.id, { role: 'server' })
    const closed = await service(db, organisationId)
    const { port: closedPort } = await withPort(closed, own.id, { role: 'server' })
    await change(own.id)
    expect(await rulesOf(own.id)).toEqual([{ address: ownPublic, port, sources: [] }])
    const environmentId = await environment(db, organisationId)
    await web(environmentId, near.id, far.id)
    await attached(environmentId, data)
    await attached(environmentId, closed, { isPrimary: false })
    await change(own.id)
    expect(await rulesOf(own.id)).toEqual(
      [
        { address: '10.9.0.1', port, sources: ['10.9.0.3'] },
        { address: '10.9.0.1', port: closedPort, sources: ['10.9.0.3'] },
        { address: ownPublic, port, sources: [farPublic] },
      ].toSorted((one, other) => (one.address === other.address ? one.port - other.port : one.address < other.address ? -1 : 1)),
    )
  })

  test('is needed also without a private address', async () => {
    const id = await server(db, organisationId, { address: '198.51.100.7' })
    expect(await change(id)).toMatchObject([{ serverId: id, revision: 1 }])
    const { port } = await withPort(await service(db, organisationId, { allowPublic: true }), id)
    expect(await change(id)).toMatchObject([{ serverId: id, revision: 2 }])
    expect(await rulesOf(id)).toEqual([{ address: '198.51.100.7', port, sources: [] }])
  })

  test('is planned until the server has taken it, and not again while nothing changes', async () => {
    const { id } = await placed()
    expect(await change(id)).toMatchObject([{ serverId: id, revision: 1 }])
    expect(await change(id)).toMatchObject([{ serverId: id, revision: 1 }])
    await recordFirewall(db, { serverId: id, revision: 1, listed: '-N KEYSTONE-PORTS\n' })
    await recordFirewall(db, { serverId: id, revision: 1, listed: '-N KEYSTONE-PORTS\n' })
    expect(await change(id)).toEqual([])
    await forgetApplied(db, id)
    expect(await change(id)).toMatchObject([{ serverId: id, revision: 1 }])
  })

  test('counts on where several operations change it at once, and misses nothing of them', async () => {
    const own = await placed()
    const data = await service(db, organisationId)
    const { port } = await withPort(data, own.id, { role: 'server' })
    const consumers = await Promise.all([1, 2, 3, 4].map(() => placed()))
    await Promise.all(
      consumers.map(async ({ id }) => {
        const environmentId = await environment(db, organisationId)
        await web(environmentId, id)
        await attached(environmentId, data)
        await change(own.id)
      }),
    )
    expect(await rulesOf(own.id)).toEqual([{ address: own.address, port, sources: consumers.map(({ address }) => address).toSorted() }])
  })
})
