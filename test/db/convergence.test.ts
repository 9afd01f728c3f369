import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { endDrain, failTarget, leftoversOf, markConverged, markUnconverged, returnTraffic, unfinishedWorkOn } from '../../db/convergence.ts'
import { insertRevision, lockGateway, nextRevision, revisionOf } from '../../db/gateways.ts'
import { childId } from '../../db/ids.ts'
import { insertChildren } from '../../db/operations/children.ts'
import { endStep, startStep } from '../../db/operations/steps.ts'
import { artifactsBuiltBy, claimArtifact, discardArtifact, pinBaseImage } from '../../db/artifacts.ts'
import { replicaById, setTraffic } from '../../db/replicas.ts'
import { servers, services, serviceSlices } from '../../db/schema/index.ts'
import type { OperationId, ServerId } from '../../domain/ids.ts'
import { stepNumbers } from '../../domain/step-numbers.ts'
import { createTestDatabase } from '../database.ts'
import { artifact, environment, gateway, operation, organisation, replica, server, service, slice } from './rows.ts'

const database = await createTestDatabase()
const { db } = database
afterAll(database.close)

const organisationId = await organisation(db)

async function scene() {
  const environmentId = await environment(db, organisationId)
  const serverId = await server(db, organisationId)
  const web = await service(db, organisationId, { environmentId, category: 'application', driverName: 'laravel' })
  const deploy = await operation(db, { organisationId, targetId: environmentId })
  return { environmentId, serverId, web, deploy }
}

describe('a server that did not answer for long', () => {
  const isMarked = async (id: ServerId) => (await db.select().from(servers).where(eq(servers.id, id)))[0]?.needsConvergence

  test('is marked until every operation that concerns it is taken back', async () => {
    const { serverId, deploy } = await scene()
    const other = await operation(db, { organisationId })
    for (const { id } of [deploy, other]) await startStep(db, { operationId: id, order: 1, name: 'start web', serverId, user: 'keystone', script: '' })
    for (const { id } of [deploy, other]) await db.transaction((tx) => markUnconverged(tx, id))
    expect(await isMarked(serverId)).toBe(true)
    await db.transaction((tx) => markConverged(tx, deploy.id))
    expect(await isMarked(serverId)).toBe(true)
    await db.transaction((tx) => markConverged(tx, other.id))
    expect(await isMarked(serverId)).toBe(false)
  })

  test('stays marked when something else is taken back', async () => {
    const { serverId, deploy } = await scene()
    await startStep(db, { operationId: deploy.id, order: 1, name: 'start web', serverId, user: 'keystone', script: '' })
    await db.transaction((tx) => markUnconverged(tx, deploy.id))
    await db.transaction(async (tx) => markConverged(tx, (await operation(tx, { organisationId })).id))
    expect(await isMarked(serverId)).toBe(true)
  })
})

describe('traffic', () => {
  const trafficOf = async (id: Parameters<typeof replicaById>[1]) => (await replicaById(db, id)).traffic

  test('returns to those who had it: what was drained serves again, own replicas only finish what they have', async () => {
    const { serverId, web, deploy } = await scene()
    const old = await replica(db, { serviceId: web, serverId, traffic: 'draining' })
    const own = await replica(db, { serviceId: web, serverId, operationId: deploy.id, traffic: 'serving' })
    await db.transaction((tx) => returnTraffic(tx, deploy.id))
    await db.transaction((tx) => returnTraffic(tx, deploy.id))
    expect([await trafficOf(old), await trafficOf(own)]).toEqual(['serving', 'draining'])
    expect((await leftoversOf(db, deploy.id)).replicas).toMatchObject([{ id: own, isDraining: true }])
    await db.transaction((tx) => endDrain(tx, deploy.id))
    expect([await trafficOf(old), await trafficOf(own)]).toEqual(['serving', 'none'])
    expect((await leftoversOf(db, deploy.id)).replicas).toMatchObject([{ id: own, isDraining: false }])
  })

  test('does not return to what is stopping, nor to replicas of services that the operation did not touch', async () => {
    const { serverId, web, deploy } = await scene()
    const other = await service(db, organisationId)
    const stopping = await replica(db, { serviceId: web, serverId, traffic: 'draining', status: 'stopping' })
    const foreign = await replica(db, { serviceId: other, serverId, traffic: 'draining' })
    await replica(db, { serviceId: web, serverId, operationId: deploy.id })
    await db.transaction((tx) => returnTraffic(tx, deploy.id))
    expect([await trafficOf(stopping), await trafficOf(foreign)]).toEqual(['draining', 'draining'])
  })

  test('returns to what was committed alone, not to another version that has failed and could not be taken back yet', async () => {
    const { environmentId, serverId, web, deploy } = await scene()
    const committed = await operation(db, { organisationId, targetId: environmentId, committedAt: new Date() })
    const abandoned = await operation(db, { organisationId, targetId: environmentId })
    const good = await replica(db, { serviceId: web, serverId, operationId: committed.id, traffic: 'draining' })
    const failed = await replica(db, { serviceId: web, serverId, operationId: abandoned.id, traffic: 'draining' })
    await replica(db, { serviceId: web, serverId, operationId: deploy.id, traffic: 'serving' })
    await db.transaction((tx) => returnTraffic(tx, deploy.id))
    expect([await trafficOf(good), await trafficOf(failed)]).toEqual(['serving', 'draining'])
  })

  test('is left as it is by an operation that made no replica', async () => {
    const { serverId, web, deploy } = await scene()
    const old = await replica(db, { serviceId: web, serverId })
    await setTraffic(db, [old], 'draining')
    await db.transaction((tx) => returnTraffic(tx, deploy.id))
    expect(await trafficOf(old)).toBe('draining')
  })
})

describe('what has to be undone of an operation', () => {
  test('is its replicas, gateways, images and the servers of its steps; nothing of others, nothing that is gone', async () => {
    const { environmentId, serverId, web, deploy } = await scene()
    const gatewayId = await gateway(db, organisationId, serverId)
    const child = childId<OperationId>(deploy.id, 'gateway_cutover', gatewayId)
    const row = { id: child, parentId: deploy.id, kind: 'gateway_cutover', targetType: 'service', targetId: gatewayId, summary: 'switch' } as const
    await insertChildren(db, deploy, [row])
    await insertRevision(db, { gatewayId, operationId: child, phase: 'switch', revision: 1, text: '', ownSections: {} })
    await replica(db, { serviceId: web, serverId })
    await replica(db, { serviceId: web, serverId, operationId: deploy.id, status: 'removed' })
    const own = await replica(db, { serviceId: web, serverId, operationId: deploy.id, status: 'starting' })
    const [built, discarded] = [await artifact(db, environmentId, deploy.id), await artifact(db, environmentId, deploy.id)]
    await database.sql`update build_artifacts set server_id = ${serverId} where id in (${built}, ${discarded})`
    await discardArtifact(db, discarded)
    await startStep(db, { operationId: deploy.id, order: 20, name: 'build', serverId, user: 'keystone', script: '' })
    expect(await leftoversOf(db, deploy.id)).toMatchObject({
      environmentId,
      servers: [{ serverId }],
      gateways: [{ gatewayId, serverId }],
      replicas: [{ id: own, serverId }],
      artifacts: [{ id: built, serverId }],
    })
  })

  test('is nothing on a server that only built and is done with it', async () => {
    const { serverId, web, deploy } = await scene()
    const [builder, other] = [await server(db, organisationId), await server(db, organisationId)]
    await replica(db, { serviceId: web, serverId, operationId: deploy.id })
    const step = (order: number, on: ServerId) => startStep(db, { operationId: deploy.id, order, name: `step ${order}`, serverId: on, user: 'keystone', script: '' })
    for (const id of [await step(10, builder), await step(20, serverId)]) await endStep(db, id, { status: 'succeeded', exitCode: 0 })
    await step(30, other)
    const concerned = (await leftoversOf(db, deploy.id)).servers.map((place) => place.serverId)
    expect(new Set(concerned)).toEqual(new Set([serverId, other]))
  })

  test('is on a server what it has not ended there, but not that by which it takes itself back', async () => {
    const { serverId, deploy } = await scene()
    const step = (order: number) => startStep(db, { operationId: deploy.id, order, name: `step ${order}`, serverId, user: 'keystone', script: '' })
    const [ended] = [await step(10), await step(20), await step(stepNumbers.convergence.stopOneOffs)]
    await endStep(db, ended, { status: 'succeeded', exitCode: 0 })
    expect((await unfinishedWorkOn(db, deploy.id, serverId)).map(({ order }) => order)).toEqual([20])
    expect(await unfinishedWorkOn(db, deploy.id, await server(db, organisationId))).toEqual([])
  })

  test('marks what was to come into being as failed, and leaves what worked before', async () => {
    const failed = async (targetType: 'service' | 'slice' | 'server', targetId: string) =>
      db.transaction(async (tx) => failTarget(tx, await operation(db, { organisationId, targetType, targetId })))
    const [deploying, running] = [await service(db, organisationId, { status: 'deploying' }), await service(db, organisationId, { status: 'running' })]
    const [fresh, ready] = [await slice(db, running), await slice(db, running, { status: 'ready' })]
    const provisioning = await server(db, organisationId, { status: 'provisioning' })
    const active = await server(db, organisationId, { status: 'active', hostKey: 'ssh-ed25519 AAAA', architecture: 'amd64' })
    for (const id of [deploying, running]) await failed('service', id)
    for (const id of [fresh, ready]) await failed('slice', id)
    for (const id of [provisioning, active]) await failed('server', id)
    const serviceStatus = async (id: typeof running) => (await db.select().from(services).where(eq(services.id, id)))[0]!.status
    const sliceStatus = async (id: typeof fresh) => (await db.select().from(serviceSlices).where(eq(serviceSlices.id, id)))[0]!.status
    const serverStatus = async (id: typeof active) => (await db.select().from(servers).where(eq(servers.id, id)))[0]!.status
    expect([await serviceStatus(deploying), await serviceStatus(running)]).toEqual(['failed', 'running'])
    expect([await sliceStatus(fresh), await sliceStatus(ready)]).toEqual(['failed', 'ready'])
    expect([await serverStatus(provisioning), await serverStatus(active)]).toEqual(['failed', 'active'])
  })
})

describe('revisions of a gateway', () => {
  test('count on, also when several operations take one at once', async () => {
    const gatewayId = await gateway(db, organisationId, await server(db, organisationId))
    const deploys = await Promise.all([1, 2, 3, 4].map(() => operation(db, { organisationId })))
    const taken = deploys.map(({ id: operationId }) =>
      db.transaction(async (tx) => {
        await lockGateway(tx, gatewayId)
        const revision = await nextRevision(tx, gatewayId)
        return insertRevision(tx, { gatewayId, operationId, phase: 'switch', revision, text: '', ownSections: {} })
      }),
    )
    expect((await Promise.all(taken)).map(({ revision }) => revision).toSorted((one, other) => one - other)).toEqual([1, 2, 3, 4])
    expect(await revisionOf(db, { gatewayId, operationId: deploys[0]!.id, phase: 'switch' })).toMatchObject({ operationId: deploys[0]!.id })
    expect(await revisionOf(db, { gatewayId, operationId: deploys[0]!.id, phase: 'previous' })).toBeNull()
  })
})

describe('artifacts', () => {
  const plan = (environmentId: Awaited<ReturnType<typeof environment>>, operationId: OperationId, serverId: Awaited<ReturnType<typeof server>>) => ({
    ...{ environmentId, operationId, serverId, key: 'key-1', commitSha: 'a'.repeat(40), platform: 'linux/amd64', imageTag: 'shop:a', registryRef: null, builtByServiceId: null },
  })

  test('an artifact is claimed once for its key, by whoever comes first; a discarded one is built anew', async () => {
    const { environmentId, serverId, deploy } = await scene()
    const later = await operation(db, { organisationId, targetId: environmentId })
    const first = await claimArtifact(db, plan(environmentId, deploy.id, serverId))
    expect(await claimArtifact(db, plan(environmentId, deploy.id, serverId))).toEqual(first)
    expect(await claimArtifact(db, plan(environmentId, later.id, serverId))).toEqual(first)
    expect(await artifactsBuiltBy(db, later.id)).toEqual([])
    await discardArtifact(db, first.id)
    expect((await claimArtifact(db, plan(environmentId, later.id, serverId))).builtByOperationId).toBe(later.id)
  })

  test('a base image keeps the digest that it got first', async () => {
    const { environmentId } = await scene()
    await pinBaseImage(db, environmentId, 'php:8.4', 'php@sha256:1')
    await pinBaseImage(db, environmentId, 'php:8.4', 'php@sha256:2')
    expect(await pinBaseImage(db, environmentId, 'node:24', 'node@sha256:3')).toEqual({ 'php:8.4': 'php@sha256:1', 'node:24': 'node@sha256:3' })
  })
})
