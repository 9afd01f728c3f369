import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { changeEnvironment } from '../../db/environments.ts'
import { recordGivenImage } from '../../db/artifacts.ts'
import { startStep } from '../../db/operations/steps.ts'
import {
  environmentsThatLeft,
  environmentsWithImagesOn,
  giveUpReleases,
  keptOfLeft,
  keptOn,
  outdatedOn,
  recordFoldersPruned,
  recordPruned,
  serversToPrune,
} from '../../db/pruning.ts'
import { releasedVariables } from '../../db/releases.ts'
import { buildArtifacts, operationLocks, releases, servers, servicePlacements } from '../../db/schema/index.ts'
import type { ArtifactId, EnvironmentId, OperationId } from '../../domain/ids.ts'
import { exclusive } from '../../domain/operations.ts'
import { createTestDatabase } from '../database.ts'
import { artifact, environment, keyring, operation, organisation, release, replica, rolledOut, server, service } from './rows.ts'

const database = await createTestDatabase()
const { db, sql } = database
afterAll(database.close)

const organisationId = await organisation(db)

async function keeping(releaseRetention: number) {
  const id = await environment(db, organisationId)
  await changeEnvironment(db, { organisationId, id, change: { releaseRetention } })
  return id
}
const giveUp = (environmentId: EnvironmentId) => db.transaction((tx) => giveUpReleases(tx, environmentId))
const kept = async (environmentId: EnvironmentId) => {
  const rows = await db.select().from(releases).where(eq(releases.environmentId, environmentId)).orderBy(releases.number)
  return rows.filter(({ prunedAt }) => prunedAt === null).map(({ number }) => number)
}
const artifactRow = async (id: ArtifactId) => (await db.select().from(buildArtifacts).where(eq(buildArtifacts.id, id)))[0]!

describe('retention', () => {
  test('keeps the newest, the live one among them, and gives up the others once', async () => {
    const environmentId = await keeping(2)
    for (const _ of [1, 2, 3, 4]) await release(db, environmentId)
    await giveUp(environmentId)
    expect(await kept(environmentId)).toEqual([3, 4])
    const before = await sql`select * from releases where environment_id = ${environmentId}`
    await giveUp(environmentId)
    expect(await sql`select * from releases where environment_id = ${environmentId}`).toEqual(before)
  })

  test('keeps what a rollback brought back, and counts it once', async () => {
    const environmentId = await keeping(2)
    const first = await release(db, environmentId)
    for (const _ of [2, 3]) await release(db, environmentId)
    await release(db, environmentId, { rolledBackToId: first.id, artifactId: first.artifactId })
    await giveUp(environmentId)
    expect(await kept(environmentId)).toEqual([1, 3, 4])
    await release(db, environmentId)
    await giveUp(environmentId)
    expect(await kept(environmentId)).toEqual([1, 4, 5])
  })

  test('keeps configuration changes among the releases, and counts none of them', async () => {
    const environmentId = await keeping(2)
    const configure = async (artifactId: ArtifactId) => {
      const { operationId } = await release(db, environmentId, { artifactId })
      await sql`update operations set kind = 'config_change' where id = ${operationId}`
    }
    const releases = [await release(db, environmentId)]
    await configure(releases[0]!.artifactId)
    for (const _ of [3, 4]) releases.push(await release(db, environmentId))
    for (const _ of [5, 6, 7]) await configure(releases.at(-1)!.artifactId)
    await giveUp(environmentId)
    expect(await kept(environmentId)).toEqual([3, 4, 5, 6, 7])
  })

  test('never counts what was never live, and gives up what failed; what is under way stays', async () => {
    const environmentId = await keeping(2)
    for (const _ of [1, 2]) await release(db, environmentId)
    const { operationId } = await rolledOut(db, environmentId)
    await sql`update releases set status = 'failed' where operation_id = ${operationId}`
    await rolledOut(db, environmentId)
    await giveUp(environmentId)
    expect(await kept(environmentId)).toEqual([1, 2, 4])
  })

  test('does not reach into other environments', async () => {
    const [here, elsewhere] = [await keeping(1), await keeping(1)]
    for (const environmentId of [here, here, elsewhere, elsewhere]) await release(db, environmentId)
    await giveUp(here)
    expect([await kept(here), await kept(elsewhere)]).toEqual([[2], [1, 2]])
  })

  test('forgets the variables of what is given up, but not while a replica of it is left', async () => {
    const environmentId = await keeping(1)
    const [old, older] = [await release(db, environmentId), await release(db, environmentId)]
    const serviceId = await service(db, organisationId, { environmentId, category: 'application', driverName: 'laravel' })
    const serverId = await server(db, organisationId)
    await replica(db, { serviceId, serverId, operationId: older.operationId })
    await release(db, environmentId)
    await giveUp(environmentId)
    expect(await releasedVariables(db, keyring, old.operationId)).toBeNull()
    expect(await releasedVariables(db, keyring, older.operationId)).toEqual({})
  })
})

describe('what is to be removed', () => {
  test('is nothing while every image is needed', async () => {
    const environmentId = await keeping(5)
    await release(db, environmentId)
    await giveUp(environmentId)
    expect(await serversToPrune(db, environmentId)).toEqual([])
  })

  test('are the images of no release, on their servers; afterwards these are discarded, but for those that are still there', async () => {
    const environmentId = await keeping(1)
    const [gone, left, live] = [await release(db, environmentId), await release(db, environmentId), await release(db, environmentId)]
    await giveUp(environmentId)
    const [goneRow, leftRow, liveRow] = [await artifactRow(gone.artifactId), await artifactRow(left.artifactId), await artifactRow(live.artifactId)]
    expect(new Set((await serversToPrune(db, environmentId)).map(({ serverId }) => serverId))).toEqual(new Set([goneRow.serverId, leftRow.serverId]))
    expect((await keptOn(db, environmentId, liveRow.serverId!)).images).toEqual([liveRow.imageDigest])
    const present = [leftRow.imageDigest!, liveRow.imageDigest!]
    for (const { serverId } of [goneRow, leftRow, liveRow]) await recordPruned(db, { environmentId, serverId: serverId!, present })
    expect([(await artifactRow(gone.artifactId)).status, (await artifactRow(left.artifactId)).status, (await artifactRow(live.artifactId)).status]).toEqual(['discarded', 'available', 'available'])
    await recordPruned(db, { environmentId, serverId: liveRow.serverId!, present: [] })
    expect((await artifactRow(live.artifactId)).status).toBe('available')
    expect((await serversToPrune(db, environmentId)).map(({ serverId }) => serverId)).toEqual([leftRow.serverId])
  })

  test('are images of a registry wherever they run, by the id that they have there', async () => {
    const environmentId = await keeping(1)
    const { operationId } = await release(db, environmentId)
    const serviceId = await service(db, organisationId, { environmentId, category: 'application', driverName: 'laravel' })
    const [builder, other] = [await server(db, organisationId), await server(db, organisationId)]
    await replica(db, { serviceId, serverId: other })
    const stored = (digest: string, imageId: string) => ({
      ...{ status: 'available' as const, imageDigest: `r.lab/shop@sha256:${digest}`, digestKind: 'repo_digest' as const, serverId: builder },
      ...{ registryRef: 'r.lab/shop', metadata: { imageIds: [imageId] } },
    })
    const id = await artifact(db, environmentId, operationId, stored('1', 'sha256:id-1'))
    expect(new Set((await serversToPrune(db, environmentId)).map(({ serverId }) => serverId))).toEqual(new Set([builder, other]))
    expect(await keptOn(db, environmentId, other)).toMatchObject({ storedAs: ['r.lab/shop'] })
    await recordPruned(db, { environmentId, serverId: builder, present: ['sha256:id-1'] })
    expect((await artifactRow(id)).status).toBe('available')
    await recordPruned(db, { environmentId, serverId: builder, present: ['sha256:id-2'] })
    expect((await artifactRow(id)).status).toBe('discarded')
  })

  test('are images that were built elsewhere, the newest ones first, and none that another environment needs', async () => {
    const [environmentId, other] = [await keeping(1), await keeping(1)]
    const { operationId } = await release(db, environmentId)
    const given = (index: number, of: { environmentId: EnvironmentId; operationId: OperationId }) =>
      db.transaction((tx) => recordGivenImage(tx, { ...of, reference: `r.lab/given@sha256:${index}`, commitSha: null }))
    for (let index = 1; index <= 60; index += 1) await given(index, { environmentId, operationId })
    const artifactId = await given(60, { environmentId: other, operationId: (await operation(db, { organisationId })).id })
    await release(db, other, { artifactId })
    const { unneeded, storedAs } = await keptOn(db, environmentId, await server(db, organisationId))
    expect(unneeded).toEqual(Array.from({ length: 50 }, (_, index) => `r.lab/given@sha256:${59 - index}`))
    expect(storedAs).toEqual([])
  })

  test('are no images that another environment was given', async () => {
    const [built, given] = [await keeping(1), await keeping(1)]
    const { operationId } = await release(db, built)
    const image = { imageDigest: 'r.lab/promoted@sha256:1', digestKind: 'repo_digest' as const, registryRef: 'r.lab/promoted', metadata: { imageIds: ['sha256:promoted'] } }
    await artifact(db, built, operationId, { status: 'available', serverId: await server(db, organisationId), ...image })
    const kept = async () => (await keptOn(db, built, await server(db, organisationId))).images
    expect(await kept()).not.toContain('sha256:promoted')
    const artifactId = await db.transaction((tx) => recordGivenImage(tx, { environmentId: given, operationId, reference: image.imageDigest, commitSha: null }))
    await release(db, given, { artifactId })
    expect(await kept()).toContain('sha256:promoted')
  })

  test('are images that were built and never released', async () => {
    const environmentId = await keeping(5)
    const { operationId } = await release(db, environmentId)
    const serverId = await server(db, organisationId)
    await artifact(db, environmentId, operationId, { status: 'available', imageDigest: 'sha256:1', digestKind: 'image_id', serverId })
    expect((await serversToPrune(db, environmentId)).map((pruned) => pruned.serverId)).toEqual([serverId])
  })

  test('are old operation folders, looked for once a day where the environment has replicas', async () => {
    const environmentId = await keeping(5)
    const { operationId } = await release(db, environmentId)
    const serviceId = await service(db, organisationId, { environmentId, category: 'application', driverName: 'laravel' })
    const serverId = await server(db, organisationId)
    await replica(db, { serviceId, serverId })
    expect(await serversToPrune(db, environmentId)).toEqual([])
    await sql`update servers set folders_pruned_at = now() - interval '25 hours' where id = ${serverId}`
    expect((await serversToPrune(db, environmentId)).map((pruned) => pruned.serverId)).toEqual([serverId])
    await sql`update operations set started_at = now() where id = ${operationId}`
    await recordFoldersPruned(db, serverId, operationId)
    const [first] = await db.select().from(servers).where(eq(servers.id, serverId))
    await recordFoldersPruned(db, serverId, operationId)
    const [second] = await db.select().from(servers).where(eq(servers.id, serverId))
    expect(second?.foldersPrunedAt).toEqual(first?.foldersPrunedAt)
    expect(await serversToPrune(db, environmentId)).toEqual([])
  })

  test('is no folder of an operation that is not over, or is still to be taken back', async () => {
    const environmentId = await keeping(5)
    const serverId = await server(db, organisationId)
    const on = (operationId: typeof one.id) => startStep(db, { operationId, order: 1, name: 'step', serverId, user: 'keystone', script: '' })
    const [one, over, unconverged, elsewhere] = [await operation(db), await operation(db), await operation(db), await operation(db)]
    for (const { id } of [one, over, unconverged]) await on(id)
    await sql`update operations set status = 'succeeded', finished_at = now() where id in (${over.id}, ${unconverged.id})`
    await sql`update operations set needs_convergence = true where id = ${unconverged.id}`
    const { operations } = await keptOn(db, environmentId, serverId)
    expect(operations.toSorted()).toEqual([one.hash, unconverged.hash].toSorted())
    expect(operations).not.toContain(elsewhere.hash)
  })
})

describe('environments that have left a server', () => {
  const left = async () => {
    const environmentId = await keeping(5)
    const serviceId = await service(db, organisationId, { environmentId, category: 'application', driverName: 'laravel' })
    const serverId = await server(db, organisationId)
    await replica(db, { serviceId, serverId, status: 'removed' })
    return { environmentId, serviceId, serverId }
  }

  test('are those that had something there once, and have nothing there and nothing to do', async () => {
    const { environmentId, serviceId, serverId } = await left()
    expect(await environmentsThatLeft(db, serverId)).toEqual([environmentId])
    await db.insert(servicePlacements).values({ serviceId, serverId })
    expect(await environmentsThatLeft(db, serverId)).toEqual([])
    await db.delete(servicePlacements).where(eq(servicePlacements.serviceId, serviceId))
    await replica(db, { serviceId, serverId })
    expect(await environmentsThatLeft(db, serverId)).toEqual([])
  })

  test('are none while an operation holds them', async () => {
    const { environmentId, serverId } = await left()
    const { id: operationId } = await operation(db, { organisationId, targetId: environmentId })
    await db.insert(operationLocks).values({ operationId, ...exclusive('environment', environmentId) })
    expect(await environmentsThatLeft(db, serverId)).toEqual([])
    await sql`update operations set status = 'succeeded', finished_at = now() where id = ${operationId}`
    expect(await environmentsThatLeft(db, serverId)).toEqual([environmentId])
  })

  test('leave images that were built there alone and may be gone back to, and those that others were given', async () => {
    const { environmentId, serverId } = await left()
    const { artifactId: local } = await release(db, environmentId)
    await db.update(buildArtifacts).set({ serverId }).where(eq(buildArtifacts.id, local))
    const { artifactId: stored } = await release(db, environmentId)
    const inRegistry = { digestKind: 'repo_digest' as const, imageDigest: `r.lab/left@sha256:${stored}`, registryRef: 'r.lab/left', metadata: { imageIds: [`sha256:${stored}`] } }
    await db.update(buildArtifacts).set({ ...inRegistry, serverId }).where(eq(buildArtifacts.id, stored))
    const { imageDigest } = await artifactRow(local)
    expect(await keptOfLeft(db, environmentId, serverId)).toMatchObject({ images: [imageDigest], storedAs: ['r.lab/left'] })
    await artifact(db, await keeping(1), (await operation(db, { organisationId })).id, { registryRef: 'r.lab/left' })
    expect((await keptOfLeft(db, environmentId, serverId)).storedAs).toEqual([])
    const other = await keeping(1)
    const { id: operationId } = await operation(db, { organisationId })
    const artifactId = await db.transaction((tx) => recordGivenImage(tx, { environmentId: other, operationId, reference: inRegistry.imageDigest, commitSha: null }))
    await release(db, other, { artifactId })
    expect(new Set((await keptOfLeft(db, environmentId, serverId)).images)).toEqual(new Set([imageDigest, `sha256:${stored}`]))
  })
})

describe('what an environment keeps no more, though it is not deployed', () => {
  const lowered = async () => {
    const environmentId = await keeping(3)
    const released = [await release(db, environmentId), await release(db, environmentId), await release(db, environmentId)]
    await sql`update operations set status = 'succeeded', finished_at = now() where finished_at is null and id in (select operation_id from releases where environment_id = ${environmentId})`
    await changeEnvironment(db, { organisationId, id: environmentId, change: { releaseRetention: 1 } })
    const [first, second, live] = await Promise.all(released.map(({ artifactId }) => artifactRow(artifactId)))
    return { environmentId, first: first!, second: second!, live: live! }
  }

  test('is given up once, and goes from every server that has it', async () => {
    const { environmentId, first, second, live } = await lowered()
    const own = live.serverId!
    expect(await environmentsWithImagesOn(db, own)).toEqual([environmentId])
    for (const _ of [1, 2]) {
      const found = await outdatedOn(db, environmentId, own)
      expect(found).toMatchObject({ images: [live.imageDigest], unneeded: [] })
      expect(found!.only.toSorted()).toEqual([first.imageDigest!, second.imageDigest!].toSorted())
    }
    expect(await kept(environmentId)).toEqual([3])
    const statuses = [first, second, live].map(async ({ id }) => (await artifactRow(id)).status)
    expect(await Promise.all(statuses)).toEqual(['discarded', 'discarded', 'available'])
  })

  test('is nothing while an operation has the environment, or waits for it', async () => {
    const { environmentId, live } = await lowered()
    const { id: operationId } = await operation(db, { organisationId, targetId: environmentId })
    await db.insert(operationLocks).values({ operationId, ...exclusive('environment', environmentId) })
    expect(await outdatedOn(db, environmentId, live.serverId!)).toBeNull()
    expect(await kept(environmentId)).toEqual([1, 2, 3])
    await sql`update operations set status = 'succeeded', finished_at = now() where id = ${operationId}`
    expect(await outdatedOn(db, environmentId, live.serverId!)).not.toBeNull()
  })

  test('is no image that another environment was given', async () => {
    const { environmentId, first, second, live } = await lowered()
    const other = await keeping(1)
    await db.update(buildArtifacts).set({ imageDigest: 'r.lab/kept@sha256:1', digestKind: 'repo_digest', metadata: { imageIds: ['sha256:kept'] } }).where(eq(buildArtifacts.id, first.id))
    const { id: operationId } = await operation(db, { organisationId })
    const artifactId = await db.transaction((tx) => recordGivenImage(tx, { environmentId: other, operationId, reference: 'r.lab/kept@sha256:1', commitSha: null }))
    await release(db, other, { artifactId })
    const found = await outdatedOn(db, environmentId, live.serverId!)
    expect(found?.only).toEqual([second.imageDigest])
    expect(found?.images).toContain('sha256:kept')
    expect((await artifactRow(first.id)).status).toBe('available')
  })

  test('is nothing of an image that is needed again', async () => {
    const { environmentId, first, live } = await lowered()
    await outdatedOn(db, environmentId, live.serverId!)
    await changeEnvironment(db, { organisationId, id: environmentId, change: { releaseRetention: 2 } })
    const { operationId, artifactId } = await release(db, environmentId)
    await db.update(buildArtifacts).set({ imageDigest: first.imageDigest }).where(eq(buildArtifacts.id, artifactId))
    await sql`update operations set status = 'succeeded', finished_at = now() where id = ${operationId}`
    expect((await outdatedOn(db, environmentId, live.serverId!))?.only).not.toContain(first.imageDigest)
  })
})
