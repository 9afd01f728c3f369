import { eq, inArray } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { leftoversOf, markConverged, returnTraffic } from '../../db/convergence.ts'
import { locksOfReboot } from '../../db/operation-locks.ts'
import { environmentsRoutedTo, handoversFrom, markAway, markRebootUnfinished, putBack, servedAlone, takeOut } from '../../db/reboots.ts'
import { operations, servers, serviceReplicas, services } from '../../db/schema/index.ts'
import type { EnvironmentId, ReplicaId, ServerId } from '../../domain/ids.ts'
import { conflicts } from '../../domain/operations.ts'
import { createTestDatabase } from '../database.ts'
import { environment, gateway, operation, organisation, replica, server, service, slice } from './rows.ts'

const database = await createTestDatabase()
const { db } = database
afterAll(database.close)

const organisationId = await organisation(db)
const ready = { status: 'active', hostKey: '-', architecture: 'amd64' } as const
const application = { category: 'application', driverName: 'laravel', name: 'web', processRoles: ['web'] } as const
const serving = { traffic: 'serving', healthStatus: 'healthy' } as const
const activeServer = () => server(db, organisationId, ready)

const webOf = (environmentId: EnvironmentId) => service(db, organisationId, { ...application, processRoles: [...application.processRoles], environmentId })
const reboot = async (serverId: ServerId) => operation(db, { organisationId, kind: 'server_reboot', targetType: 'server', targetId: serverId })
const trafficOf = async (...ids: ReplicaId[]) => {
  const rows = await db.select().from(serviceReplicas).where(inArray(serviceReplicas.id, ids))
  return ids.map((id) => rows.find((row) => row.id === id)?.traffic)
}

/** A shop on two servers, a blog on one of them alone. */
async function scene() {
  const [here, there] = [await activeServer(), await activeServer()]
  const [shop, blog] = [await environment(db, organisationId), await environment(db, organisationId)]
  const shopWeb = await webOf(shop)
  const shared = await replica(db, { serviceId: shopWeb, serverId: here, ...serving })
  const other = await replica(db, { serviceId: shopWeb, serverId: there, ...serving })
  const alone = await replica(db, { serviceId: await webOf(blog), serverId: here, ...serving })
  return { here, there, shop, blog, shopWeb, shared, other, alone }
}

describe('what a server alone serves', () => {
  test('is what no other one does', async () => {
    const { here, there } = await scene()
    expect((await servedAlone(db, here)).processes).toEqual([expect.stringMatching(/^web of production of shop-/)])
    expect(await servedAlone(db, there)).toEqual({ domains: [], services: [], processes: [] })
  })

  test('is also what only those could serve that are not well', async () => {
    const { here, there, other } = await scene()
    await db.update(serviceReplicas).set({ healthStatus: 'unhealthy' }).where(eq(serviceReplicas.id, other))
    expect((await servedAlone(db, here)).processes).toHaveLength(2)
    await db.update(serviceReplicas).set({ healthStatus: 'healthy' }).where(eq(serviceReplicas.id, other))
    await db.update(servers).set({ status: 'unreachable' }).where(eq(servers.id, there))
    expect((await servedAlone(db, here)).processes).toHaveLength(2)
  })

  test('are the domains of its gateway and its databases, while they run', async () => {
    const here = await activeServer()
    const shop = await environment(db, organisationId)
    const gatewayId = await gateway(db, organisationId, here)
    await slice(db, gatewayId, { type: 'route', status: 'ready', domain: `${here}.example.com`, environmentId: shop })
    const databaseId = await service(db, organisationId)
    expect(await servedAlone(db, here)).toEqual({ domains: [], services: [], processes: [] })
    for (const serviceId of [gatewayId, databaseId]) await replica(db, { serviceId, serverId: here, role: 'server' })
    const [{ name } = { name: '' }] = await db.select().from(services).where(eq(services.id, databaseId))
    expect(await servedAlone(db, here)).toEqual({ domains: [`${here}.example.com`], services: [name], processes: [] })
  })
})

describe('the traffic of a server that restarts', () => {
  test('goes where others serve the same, and stays where nobody does', async () => {
    const { here, shop, shared, other, alone } = await scene()
    for (const _ of ['once', 'twice']) {
      await takeOut(db, here)
      expect(await trafficOf(shared, other, alone)).toEqual(['draining', 'serving', 'serving'])
      expect(await environmentsRoutedTo(db, here, 'draining')).toEqual([shop])
    }
    await markAway(db, here)
    expect(await trafficOf(shared, other, alone)).toEqual(['away', 'serving', 'serving'])
  })

  test('of two servers of one environment is not taken from both', async () => {
    const { here, there, shared, other } = await scene()
    await takeOut(db, here)
    await takeOut(db, there)
    expect(await trafficOf(shared, other)).toEqual(['draining', 'serving'])
  })

  test('comes back to all that was taken out, and to nobody else', async () => {
    const { here, shopWeb, shared, alone } = await scene()
    const idle = await replica(db, { serviceId: shopWeb, serverId: here })
    const worker = await replica(db, { serviceId: shopWeb, serverId: here, role: 'worker' })
    await takeOut(db, here)
    await markAway(db, here)
    await putBack(db, here, ['draining', 'away'])
    expect(await trafficOf(shared, alone, idle, worker)).toEqual(['serving', 'serving', 'none', 'none'])
  })

  test('is given back by whoever takes the reboot back, but not by others, and never to a server that is away', async () => {
    const { here, shop, blog, shared } = await scene()
    const { id } = await reboot(here)
    await takeOut(db, here)
    await db.transaction((tx) => returnTraffic(tx, id))
    expect(await trafficOf(shared)).toEqual(['serving'])
    expect((await leftoversOf(db, id)).environmentIds?.toSorted()).toEqual([shop, blog].toSorted())
    await takeOut(db, here)
    await markAway(db, here)
    await db.transaction((tx) => returnTraffic(tx, id))
    expect(await trafficOf(shared)).toEqual(['away'])
  })
})

describe('who ticks on a server that restarts', () => {
  test('hands over to another replica of the service, where there is one that does not tick itself', async () => {
    const { here, there, shared, other, alone } = await scene()
    await db.update(serviceReplicas).set({ ticks: true }).where(inArray(serviceReplicas.id, [shared, alone]))
    expect(await handoversFrom(db, here)).toEqual([
      { from: expect.objectContaining({ replicaId: shared, serverId: here }), to: expect.objectContaining({ replicaId: other, serverId: there }) },
    ])
    await db.update(serviceReplicas).set({ ticks: true }).where(eq(serviceReplicas.id, other))
    expect(await handoversFrom(db, here)).toEqual([])
  })
})

test('a reboot excludes deployments of what is on the server, and reboots of their other servers; their gateways have to be there', async () => {
  const { here, there, shop, blog } = await scene()
  const third = await activeServer()
  const gatewayId = await gateway(db, organisationId, third)
  await replica(db, { serviceId: gatewayId, serverId: third, role: 'server' })
  await slice(db, gatewayId, { type: 'route', status: 'ready', domain: `${third}.example.com`, environmentId: shop })
  const locks = await locksOfReboot(db, here)
  const held = (...ids: string[]) => ids.map((id) => locks.find(({ key }) => key.endsWith(id))?.mode)
  expect(held(here, shop, blog, third, there)).toEqual(['exclusive', 'exclusive', 'exclusive', 'shared', undefined])
  expect(conflicts(locks, await locksOfReboot(db, there))).toBe(true)
  expect(conflicts(locks, await locksOfReboot(db, third))).toBe(true)
})

test('a reboot that has failed is looked after until it is in line', async () => {
  const { here } = await scene()
  const { id } = await reboot(here)
  const marks = async () => {
    const [row] = await db.select().from(operations).where(eq(operations.id, id))
    const [place] = await db.select().from(servers).where(eq(servers.id, here))
    return [row?.needsConvergence, place?.needsConvergence]
  }
  for (const _ of ['once', 'twice']) await db.transaction((tx) => markRebootUnfinished(tx, id, here))
  expect(await marks()).toEqual([true, true])
  await db.transaction((tx) => markConverged(tx, id))
  expect(await marks()).toEqual([false, false])
})
