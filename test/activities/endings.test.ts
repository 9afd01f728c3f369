import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { endingActivities } from '../../activities/endings.ts'
import { firewallActivities } from '../../activities/firewalls.ts'
import { forcedRemovalActivities } from '../../activities/forced-removals.ts'
import { renderConfiguration } from '../../activities/gateway-sections.ts'
import { gatewayActivities } from '../../activities/gateways.ts'
import { changeFirewalls, firewallOf } from '../../db/firewalls.ts'
import { insertRevision, withdrawnSections } from '../../db/gateways.ts'
import { keepVolumes, keptSlicesOf, keptVolumesOf } from '../../db/kept-volumes.ts'
import { operationById } from '../../db/operations/begin.ts'
import { recordRemoved, replicaById } from '../../db/replicas.ts'
import { environmentAttachments, environments, keptVolumes, releases, servers, servicePlacements, serviceReplicas, services, serviceSlices } from '../../db/schema/index.ts'
import type { EnvironmentId, ServiceId } from '../../domain/ids.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createTestDatabase } from '../database.ts'
import { environment, gateway, keyring, operation, organisation, release, replica, server, service, slice } from '../db/rows.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
afterAll(() => Promise.all([database.close(), ssh.close()]))

const deps = activityDeps({ db, keyring, ssh })
const activities = endingActivities(deps)
const { planFirewalls } = firewallActivities(deps)
const { planRoute } = gatewayActivities(deps)
const { giveUpServers } = forcedRemovalActivities(deps)

const statusOf = async (id: ServiceId) => (await db.select().from(services).where(eq(services.id, id)))[0]?.status

/** An environment on a server of its own, routed by a gateway and attached to a database on another one. */
async function scene() {
  const organisationId = await organisation(db)
  const environmentId = await environment(db, organisationId)
  const near = { privateNetwork: 'one', status: 'active', hostKey: 'ssh-ed25519 AAAA', architecture: 'amd64' } as const
  const [front, back] = [await server(db, organisationId, { ...near, privateAddress: '10.0.0.1' }), await server(db, organisationId, { ...near, privateAddress: '10.0.0.2' })]
  const laravel = { environmentId, category: 'application', driverName: 'laravel', deployPolicy: 'with_environment', status: 'running' } as const
  const web = await service(db, organisationId, { ...laravel, name: 'web', processRoles: ['web'] })
  const jobs = await service(db, organisationId, { ...laravel, name: 'jobs', processRoles: ['worker'] })
  const data = await service(db, organisationId, { status: 'running' })
  const gatewayId = await gateway(db, organisationId, front)
  await db.update(services).set({ status: 'running' }).where(eq(services.id, gatewayId))
  await db.insert(servicePlacements).values([web, jobs].map((serviceId) => ({ serviceId, serverId: back })))
  await db.insert(servicePlacements).values([data, gatewayId].map((serviceId) => ({ serviceId, serverId: front })))
  const shop = await slice(db, data, { environmentId, status: 'ready', name: 'shop' })
  const route = await slice(db, gatewayId, { environmentId, type: 'route', status: 'ready', domain: `${environmentId}.test` })
  await db.insert(environmentAttachments).values([
    { environmentId, serviceId: data, serviceSliceId: shop, role: 'database' },
    { environmentId, serviceId: gatewayId, serviceSliceId: route, role: 'gateway' },
  ])
  const replicas = {
    web: await replica(db, { serviceId: web, serverId: back, traffic: 'serving', ticks: true, hostPort: 20_001 }),
    jobs: await replica(db, { serviceId: jobs, serverId: back, role: 'worker' }),
    data: await replica(db, { serviceId: data, serverId: front, role: 'server', hostPort: 20_002 }),
    gateway: await replica(db, { serviceId: gatewayId, serverId: front, role: 'server' }),
  }
  const asked = (kind: 'service_stop' | 'service_remove', targetId: ServiceId) => operation(db, { organisationId, kind, targetType: 'service', targetId })
  const removal = (input = {}) => operation(db, { organisationId, kind: 'environment_remove', targetType: 'environment', targetId: environmentId, input })
  return { organisationId, environmentId, front, back, web, jobs, data, gatewayId, shop, route, replicas, asked, removal }
}

describe('a service that stops', () => {
  test('is stopped from its commit on, and its replicas are to end', async () => {
    const { web, jobs, gatewayId, environmentId, replicas, asked } = await scene()
    const { id: operationId } = await asked('service_stop', web)
    await activities.beginStop({ operationId })
    await activities.beginStop({ operationId })
    expect([await statusOf(web), await statusOf(jobs)]).toEqual(['stopped', 'running'])
    expect((await operationById(db, operationId)).committedAt).not.toBeNull()
    const plan = await activities.planEnding({ operationId })
    expect(plan).toMatchObject({
      ...{ environmentId, schedulers: [{ id: replicas.web }], workers: [], gateways: [{ gatewayId }] },
      others: [{ id: replicas.web, isKept: false }],
    })
  })

  test('and is no one that gateways know has nothing to tell them', async () => {
    const { jobs, replicas, asked } = await scene()
    const { id: operationId } = await asked('service_stop', jobs)
    await activities.beginStop({ operationId })
    expect(await activities.planEnding({ operationId })).toMatchObject({ environmentId: null, gateways: [], workers: [{ id: replicas.jobs }], others: [] })
  })

  test('and stands alone keeps its replica, and with it its port', async () => {
    const { data, replicas, asked } = await scene()
    const { id: operationId } = await asked('service_stop', data)
    await activities.beginStop({ operationId })
    expect(await activities.planEnding({ operationId })).toMatchObject({ environmentId: null, others: [{ id: replicas.data, isKept: true }] })
  })

  test('is not one that somebody wished to keep before', async () => {
    const { web, asked } = await scene()
    const { id: operationId } = await asked('service_stop', web)
    await database.sql`update operations set cancel_requested_at = now() where id = ${operationId}`
    await expect(activities.beginStop({ operationId })).rejects.toThrow(/cancelled/)
    expect(await statusOf(web)).toBe('running')
  })
})

test('a gateway without a container is told nothing', async () => {
  const { gatewayId, replicas, removal } = await scene()
  await db.update(serviceReplicas).set({ status: 'stopped' }).where(eq(serviceReplicas.id, replicas.gateway))
  const { id: operationId } = await removal()
  await activities.beginRemoval({ operationId })
  expect((await activities.planEnding({ operationId })).gateways).toEqual([])
  expect(await statusOf(gatewayId)).toBe('running')
})

describe('a service that is removed', () => {
  test('is not, where somebody has come to need it in the meantime', async () => {
    const { data, web, gatewayId, asked } = await scene()
    for (const [id, code] of [[data, /use slices of .*: shop/], [gatewayId, /routes/], [web, /consists of/]] as const) {
      const { id: operationId } = await asked('service_remove', id)
      await expect(activities.beginRemoval({ operationId })).rejects.toThrow(code)
      expect([await statusOf(id), (await operationById(db, operationId)).committedAt]).toEqual(['running', null])
    }
  })

  test('goes with its slices, while its volume is kept with their names', async () => {
    const { organisationId, front, data, shop, asked } = await scene()
    await db.delete(environmentAttachments).where(eq(environmentAttachments.serviceId, data))
    const { id: operationId } = await asked('service_remove', data)
    await activities.beginRemoval({ operationId })
    expect(await statusOf(data)).toBe('removing')
    const input = { operationId, of: operationId }
    expect(await activities.planCleanUp(input)).toMatchObject({ environmentId: null, servers: [{ serverId: front }] })
    const found = { organisationId, serverId: front, serviceId: data, environmentId: null, origin: 'postgres shop', slices: ['shop'] }
    for (const sizeBytes of [1, 2]) await db.transaction((tx) => keepVolumes(tx, { ...found, volumes: [{ name: `keystone_service_${data}`, sizeBytes }] }))
    for (const _ of [1, 2]) await activities.recordRemoved(input)
    expect(await statusOf(data)).toBe('removed')
    expect((await db.select().from(serviceSlices).where(eq(serviceSlices.id, shop)))[0]?.status).toBe('removed')
    expect((await keptVolumesOf(db, organisationId, { limit: 9 })).items).toMatchObject([{ name: `keystone_service_${data}`, sizeBytes: 2, slices: ['shop'] }])
  })
})

describe('a route that is removed', () => {
  test('is taken from its own gateway alone, and what it led to goes on', async () => {
    const found = await scene()
    const { organisationId, environmentId, gatewayId, web, route } = found
    const other = await gateway(db, organisationId, await server(db, organisationId))
    await replica(db, { serviceId: other, serverId: found.back, role: 'server' })
    await slice(db, other, { environmentId, type: 'route', status: 'ready', domain: 'other.test' })
    const { id: operationId } = await operation(db, { organisationId, kind: 'route_remove', targetType: 'slice', targetId: route })
    for (const _ of [1, 2]) await activities.beginRemoval({ operationId })
    expect(await activities.planEnding({ operationId })).toMatchObject({ environmentId, gateways: [{ gatewayId }], schedulers: [], workers: [], others: [] })
    for (const _ of [1, 2]) await activities.recordEnded({ operationId, of: operationId })
    expect((await db.select().from(serviceSlices).where(eq(serviceSlices.id, route)))[0]?.status).toBe('removed')
    expect(await statusOf(web)).toBe('running')
    expect((await db.select().from(environmentAttachments).where(eq(environmentAttachments.environmentId, environmentId))).map(({ role }) => role)).toEqual(['database'])
  })

  test('is not configured any more', async () => {
    const { organisationId, route } = await scene()
    await db.update(serviceSlices).set({ status: 'removing' }).where(eq(serviceSlices.id, route))
    const { id: operationId } = await operation(db, { organisationId, kind: 'slice_configure', targetType: 'slice', targetId: route })
    await expect(planRoute({ operationId })).rejects.toThrow(/has been removed/)
  })
})

describe('an environment that is removed', () => {
  const removing = async (found: Awaited<ReturnType<typeof scene>>) => {
    const { id: operationId } = await found.removal()
    await activities.beginRemoval({ operationId })
    return { operationId, of: operationId }
  }

  test('ends scheduler and worker first, then tells its gateways', async () => {
    const found = await scene()
    const { environmentId, web, jobs, data, gatewayId, route, replicas } = found
    const { operationId } = await removing(found)
    expect([await statusOf(web), await statusOf(jobs), await statusOf(data)]).toEqual(['removing', 'removing', 'running'])
    expect((await db.select().from(serviceSlices).where(eq(serviceSlices.id, route)))[0]?.status).toBe('removing')
    expect(await activities.planEnding({ operationId })).toMatchObject({
      ...{ environmentId, schedulers: [{ id: replicas.web }], workers: [{ id: replicas.jobs }] },
      ...{ gateways: [{ gatewayId }], others: [{ id: replicas.web }] },
    })
  })

  test('has no route in any configuration that is written from then on, and every text that it had is known', async () => {
    const found = await scene()
    const { gatewayId, route, environmentId } = found
    const deploy = await operation(db, { organisationId: found.organisationId, targetId: environmentId })
    const ownSections = { [route]: { hash: 'abc', text: 'shop' } }
    await insertRevision(db, { gatewayId, revision: 1, text: '', operationId: deploy.id, phase: 'switch', ownSections })
    expect(await withdrawnSections(db, gatewayId)).toEqual([])
    await removing(found)
    expect(await withdrawnSections(db, gatewayId)).toEqual(['abc'])
    const rendered = await renderConfiguration(db, keyring, { gatewayId, owned: { environmentId }, isAlone: false, revision: 2 })
    expect([rendered.text.includes(`${environmentId}.test`), rendered.ownSections]).toEqual([false, {}])
  })

  test('lets nobody in any more when nothing of it runs, and goes on from where it was', async () => {
    const found = await scene()
    const { front, back, replicas, environmentId, gatewayId } = found
    await db.transaction((tx) => changeFirewalls(tx, [front, back]))
    expect((await firewallOf(db, front)).openPorts).toMatchObject([{ port: 20_002, sources: ['10.0.0.2'] }])
    expect((await firewallOf(db, back)).openPorts).toMatchObject([{ port: 20_001, sources: ['10.0.0.1'] }])
    const input = await removing(found)
    expect((await db.transaction((tx) => changeFirewalls(tx, [front]))).length).toBeLessThanOrEqual(1)
    expect((await firewallOf(db, front)).openPorts).toHaveLength(1)
    for (const id of [replicas.web, replicas.jobs]) await recordRemoved(db, id)
    expect(await activities.planEnding(input)).toMatchObject({ schedulers: [], workers: [], others: [], gateways: [{ gatewayId }], environmentId })
    for (const _ of [1, 2]) await activities.recordEnded(input)
    await planFirewalls(input)
    expect([(await firewallOf(db, front)).openPorts, (await firewallOf(db, back)).openPorts]).toEqual([[], []])
  })

  test('gives up its releases, frees its slices, and its name is free', async () => {
    const found = await scene()
    const { environmentId, organisationId, shop, back } = found
    await release(db, environmentId)
    const input = await removing(found)
    for (const _ of [1, 2]) expect((await activities.planCleanUp(input)).servers.map(({ serverId }) => serverId)).toContain(back)
    const [kept] = await db.select().from(releases).where(eq(releases.environmentId, environmentId))
    expect(kept).toMatchObject({ status: 'obsolete', prunedAt: expect.any(Date), variables: null })
    for (const _ of [1, 2]) await activities.recordRemoved(input)
    const [gone] = await db.select().from(environments).where(eq(environments.id, environmentId))
    expect(gone).toMatchObject({ status: 'removed', currentReleaseId: null })
    expect(await db.select().from(environmentAttachments).where(eq(environmentAttachments.environmentId, environmentId))).toEqual([])
    expect((await keptSlicesOf(db, organisationId, { limit: 9 })).items).toMatchObject([{ id: shop, name: 'shop' }])
    await db.insert(environments).values({ organisationId, applicationId: gone!.applicationId, name: gone!.name, branch: 'main' })
  })

  test('is cleaned up on no server that has been removed itself, or was never ready', async () => {
    const found = await scene()
    const input = await removing(found)
    await db.update(servers).set({ status: 'removed' }).where(eq(servers.id, found.back))
    expect((await activities.planCleanUp(input)).servers).toEqual([])
    await db.update(servers).set({ status: 'failed', architecture: null }).where(eq(servers.id, found.back))
    expect((await activities.planCleanUp(input)).servers).toEqual([])
  })
})

describe('a removal that is forced', () => {
  const forced = async (found: Awaited<ReturnType<typeof scene>>) => {
    const { id: operationId } = await found.removal({ force: true })
    await activities.beginRemoval({ operationId })
    return { operationId, of: operationId }
  }

  test('asks every server that it is about; another one asks none', async () => {
    const found = await scene()
    const { operationId } = await forced(found)
    const { asked } = await activities.planEnding({ operationId })
    expect(asked?.map(({ serverId }) => serverId)).toEqual([found.front, found.back].toSorted())
    const other = await scene()
    const { id } = await other.removal()
    await activities.beginRemoval({ operationId: id })
    expect(await activities.planEnding({ operationId: id })).toMatchObject({ asked: [] })
  })

  test('takes what is on a server that does not answer for gone, says so once, and leaves the others', async () => {
    const found = await scene()
    const { back, replicas, environmentId } = found
    const input = await forced(found)
    for (const _ of [1, 2]) await giveUpServers({ ...input, serverIds: [back] })
    expect([await replicaById(db, replicas.web), await replicaById(db, replicas.data)]).toMatchObject([{ status: 'removed', ticks: false }, { status: 'running' }])
    expect(await activities.planEnding(input)).toMatchObject({ schedulers: [], workers: [], others: [], environmentId })
    const names = [replicas.web, replicas.jobs].map((id) => `replica-${id}`).toSorted()
    const { warnings } = await operationById(db, input.operationId)
    expect(warnings).toEqual([
      { code: 'left_behind', message: expect.stringContaining(`${names.join(', ')} may still run there`), hint: expect.stringContaining(`keystone.environment=${environmentId}`) },
    ])
  })
})

test('a volume of a server is kept once, and may be kept anew when it was deleted', async () => {
  const { organisationId, back, environmentId } = await scene()
  const of = (id: EnvironmentId) => ({ organisationId, serverId: back, serviceId: null, environmentId: id, origin: 'production of shop', slices: [] })
  const keep = () => db.transaction((tx) => keepVolumes(tx, { ...of(environmentId), volumes: [{ name: 'storage', sizeBytes: null }] }))
  for (const _ of [1, 2]) await keep()
  await db.update(keptVolumes).set({ removedAt: new Date() }).where(eq(keptVolumes.serverId, back))
  await keep()
  expect(await db.select().from(keptVolumes).where(eq(keptVolumes.serverId, back))).toHaveLength(2)
})

test('what was stopped before is removed as well', async () => {
  const { data, replicas, asked } = await scene()
  await db.update(serviceReplicas).set({ status: 'stopped' }).where(eq(serviceReplicas.id, replicas.data))
  await db.delete(environmentAttachments).where(eq(environmentAttachments.serviceId, data))
  const { id: operationId } = await asked('service_remove', data)
  await activities.beginRemoval({ operationId })
  expect(await replicaById(db, replicas.data)).toMatchObject({ status: 'stopping' })
  expect(await activities.planEnding({ operationId })).toMatchObject({ others: [{ id: replicas.data, isKept: false }] })
})
