import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { serviceOfReplica } from '../../db/engine-services.ts'
import { operationById } from '../../db/operations/begin.ts'
import { commitOnce } from '../../db/operations/commit.ts'
import { finishOperation } from '../../db/operations/finish.ts'
import { migratedSince, releaseBefore, releaseOf, releasesOf, releaseToRestore, releasedImage } from '../../db/release-history.ts'
import { insertRelease, publishRelease, releasedVariables } from '../../db/releases.ts'
import { replicaById } from '../../db/replicas.ts'
import { environments, releases } from '../../db/schema/index.ts'
import type { EnvironmentId, OperationId } from '../../domain/ids.ts'
import { rollbackRefusal } from '../../domain/releases.ts'
import { Secret } from '../../domain/secret.ts'
import { createTestDatabase } from '../database.ts'
import { environment, keyring, operation, organisation, release, replica, rolledOut, server, service } from './rows.ts'

const database = await createTestDatabase()
const { db } = database
afterAll(database.close)

const organisationId = await organisation(db)
const statuses = async (environmentId: EnvironmentId) =>
  (await db.select().from(releases).where(eq(releases.environmentId, environmentId)).orderBy(releases.number)).map(({ status }) => status)
const statusOf = async (operationId: OperationId) => (await db.select().from(releases).where(eq(releases.operationId, operationId)))[0]?.status

describe('the life of a release', () => {
  test('begins with the plan, without an image, under the next number; a repetition stores nothing', async () => {
    const environmentId = await environment(db, organisationId)
    const { id: operationId, trigger } = await operation(db, { organisationId, targetId: environmentId })
    const wish = { environmentId, operationId, commitSha: 'b'.repeat(40), trigger, variables: { values: {}, versions: {} } }
    for (const _ of [1, 2]) await insertRelease(db, keyring, wish)
    expect(await releasesOf(db, environmentId, { limit: 10 })).toMatchObject({ items: [{ number: 1, status: 'preparing', artifactId: null, hasImage: false }] })
  })

  test('at its commit point it is the live one and the one before is obsolete, or nothing of it is stored', async () => {
    const environmentId = await environment(db, organisationId)
    const first = await release(db, environmentId)
    const next = await rolledOut(db, environmentId)
    expect(await statusOf(next.operationId)).toBe('in_progress')
    for (const _ of [1, 2]) await commitOnce(db, next.operationId, (tx, { id }) => publishRelease(tx, id, {}))
    const failing = await rolledOut(db, environmentId)
    const work = commitOnce(db, failing.operationId, async (tx, { id }) => {
      await publishRelease(tx, id, {})
      throw new Error('the rest of it fails')
    })
    await expect(work).rejects.toThrow('the rest of it fails')
    expect(await statuses(environmentId)).toEqual(['obsolete', 'successful', 'in_progress'])
    const [stored] = await db.select().from(environments).where(eq(environments.id, environmentId))
    expect(stored?.status).toBe('active')
    expect((await releaseOf(db, environmentId, stored!.currentReleaseId!))?.operationId).toBe(next.operationId)
    expect((await releaseOf(db, environmentId, first.id))?.isLive).toBe(false)
    expect((await operationById(db, failing.operationId)).committedAt).toBeNull()
  })

  test.each([
    ['failed', { status: 'failed', failure: { code: 'x', message: 'x' } }],
    ['was cancelled', { status: 'cancelled' }],
  ] as const)('is failed as soon as its operation %s', async (_, ending) => {
    const environmentId = await environment(db, organisationId)
    await release(db, environmentId)
    const { operationId } = await rolledOut(db, environmentId)
    await finishOperation(db, operationId, ending)
    expect(await statuses(environmentId)).toEqual(['successful', 'failed'])
  })

  test('stays live when its operation is found failed after the commit', async () => {
    const { operationId } = await release(db, await environment(db, organisationId))
    await finishOperation(db, operationId, { status: 'failed', failure: { code: 'x', message: 'x' } })
    expect(await statusOf(operationId)).toBe('successful')
  })
})

describe('a rollback', () => {
  test('is a release of its own; what was live since its target is downgraded, what is older stays obsolete', async () => {
    const environmentId = await environment(db, organisationId)
    await release(db, environmentId)
    const second = await release(db, environmentId)
    for (const _ of [3, 4]) await release(db, environmentId)
    await release(db, environmentId, { rolledBackToId: second.id, artifactId: second.artifactId })
    expect(await statuses(environmentId)).toEqual(['obsolete', 'obsolete', 'downgraded', 'downgraded', 'successful'])
  })

  test('forward to a release that was taken back makes an obsolete one of the rollback before', async () => {
    const environmentId = await environment(db, organisationId)
    const [first, second] = [await release(db, environmentId), await release(db, environmentId)]
    await release(db, environmentId, { rolledBackToId: first.id, artifactId: first.artifactId })
    await release(db, environmentId, { rolledBackToId: second.id, artifactId: second.artifactId })
    expect(await statuses(environmentId)).toEqual(['obsolete', 'downgraded', 'obsolete', 'successful'])
  })

  test('goes back release by release, and never to what a rollback took back', async () => {
    const environmentId = await environment(db, organisationId)
    expect(await releaseBefore(db, environmentId)).toBeNull()
    const first = await release(db, environmentId)
    expect(await releaseBefore(db, environmentId)).toBeNull()
    const second = await release(db, environmentId)
    await release(db, environmentId)
    expect(await releaseBefore(db, environmentId)).toBe(second.id)
    await release(db, environmentId, { rolledBackToId: second.id, artifactId: second.artifactId })
    expect(await releaseBefore(db, environmentId)).toBe(first.id)
    await release(db, environmentId)
    expect(await releaseBefore(db, environmentId)).toBe(second.id)
    await release(db, environmentId, { rolledBackToId: first.id, artifactId: first.artifactId })
    expect(await releaseBefore(db, environmentId)).toBeNull()
  })

  test('is refused to what is live, also as the rollback that brought it back, to what was never live, and without an image', async () => {
    const environmentId = await environment(db, organisationId)
    const [first, second] = [await release(db, environmentId), await release(db, environmentId)]
    const codeOf = async (id: typeof first.id) => rollbackRefusal((await releaseOf(db, environmentId, id))!)?.code
    expect([await codeOf(first.id), await codeOf(second.id)]).toEqual([undefined, 'release_is_live'])
    await release(db, environmentId, { rolledBackToId: first.id, artifactId: first.artifactId })
    expect([await codeOf(first.id), await codeOf(second.id)]).toEqual(['release_is_live', undefined])
    const { operationId } = await rolledOut(db, environmentId)
    const [unfinished] = (await releasesOf(db, environmentId, { limit: 1 })).items
    expect(unfinished?.operationId).toBe(operationId)
    expect(await codeOf(unfinished!.id)).toBe('release_never_live')
    await database.sql`update build_artifacts set status = 'discarded' where id = ${second.artifactId}`
    expect(await codeOf(second.id)).toBe('image_gone')
    expect(rollbackRefusal((await releaseOf(db, environmentId, second.id))!)?.hint).toContain(`Deploy commit ${'a'.repeat(40)}`)
  })

  test('finds the image of the release that it brings back', async () => {
    const environmentId = await environment(db, organisationId)
    const first = await release(db, environmentId, { commitSha: 'c'.repeat(40) })
    await release(db, environmentId)
    const { operationId } = await rolledOut(db, environmentId, { rolledBackToId: first.id, artifactId: first.artifactId })
    expect(await releasedImage(db, operationId)).toMatchObject({ number: 1, commitSha: 'c'.repeat(40), artifactId: first.artifactId, imageDigest: expect.stringMatching(/^sha256:/) })
    await expect(releasedImage(db, first.operationId)).rejects.toThrow('has no image of an earlier release')
  })

  test('knows whose migrations it leaves behind', async () => {
    const environmentId = await environment(db, organisationId)
    const made = [await release(db, environmentId), await release(db, environmentId), await release(db, environmentId)]
    for (const [index, migration] of [{}, null, {}].entries()) {
      await database.sql`update operations set plan = ${JSON.stringify({ migration })}::text::jsonb where id = ${made[index]!.operationId}`
    }
    expect(await migratedSince(db, environmentId, 1)).toEqual([3])
    expect(await migratedSince(db, environmentId, 0)).toEqual([1, 3])
    expect(await migratedSince(db, environmentId, 3)).toEqual([])
  })
})

describe('what a release pins', () => {
  test('are the values of the user, sealed, and what its services were configured with', async () => {
    const environmentId = await environment(db, organisationId)
    const variables = { values: { STRIPE_SECRET: new Secret('sk_test_pinned_value') }, versions: { STRIPE_SECRET: 3 } }
    const { id, operationId } = await release(db, environmentId, { variables })
    const [row] = await db.select().from(releases).where(eq(releases.id, id))
    expect(JSON.stringify(row)).not.toContain('sk_test_pinned_value')
    expect((await releasedVariables(db, keyring, operationId))?.STRIPE_SECRET?.reveal()).toBe('sk_test_pinned_value')
    const restored = await releaseToRestore(db, keyring, environmentId, id)
    expect(restored.variables.versions).toEqual({ STRIPE_SECRET: 3 })
    expect(restored.variables.values.STRIPE_SECRET?.reveal()).toBe('sk_test_pinned_value')
    expect(JSON.stringify(await releasesOf(db, environmentId, { limit: 1 }))).not.toContain('k1.')
    await expect(releaseToRestore(db, keyring, await environment(db, organisationId), id)).rejects.toThrow('has no release')
  })

  test('is nothing for an operation that made no release', async () => {
    expect(await releasedVariables(db, keyring, (await operation(db)).id)).toBeNull()
  })

  test('a replica of an environment keeps the configuration it was planned with, one that stands alone has that of today', async () => {
    const environmentId = await environment(db, organisationId)
    const serverId = await server(db, organisationId)
    const today = { config: { drainWindowSeconds: 9 } }
    const web = await service(db, organisationId, { environmentId, category: 'application', driverName: 'laravel', ...today })
    const data = await service(db, organisationId, today)
    const planned = async (serviceId: typeof web) => replicaById(db, await replica(db, { serviceId, serverId, config: { drainWindowSeconds: 1 } }))
    expect((await serviceOfReplica(db, keyring, await planned(web))).config).toEqual({ drainWindowSeconds: 1 })
    expect((await serviceOfReplica(db, keyring, await planned(data))).config).toEqual({ drainWindowSeconds: 9 })
  })
})

test('releases are listed newest first, page by page, without those of other environments', async () => {
  const environmentId = await environment(db, organisationId)
  for (const _ of [1, 2, 3]) await release(db, environmentId)
  await release(db, await environment(db, organisationId))
  const first = await releasesOf(db, environmentId, { limit: 2 })
  const second = await releasesOf(db, environmentId, { limit: 2, cursor: first.nextCursor! })
  expect([...first.items, ...second.items].map(({ number }) => number)).toEqual([3, 2, 1])
  expect(second.nextCursor).toBeNull()
})
