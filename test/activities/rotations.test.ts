import { afterAll, describe, expect, test } from 'vitest'
import { operationActivities } from '../../activities/operations.ts'
import { rotationActivities } from '../../activities/rotations.ts'
import { sliceActivities } from '../../activities/slices.ts'
import { leftoversOf } from '../../db/convergence.ts'
import { engineSlice } from '../../db/engine-services.ts'
import { locksOfRotation } from '../../db/operation-locks.ts'
import { operationById } from '../../db/operations/begin.ts'
import { endRotation, rotationOf } from '../../db/rotations.ts'
import { environmentAttachments, operationLocks } from '../../db/schema/index.ts'
import { detach } from '../../db/slice-uses.ts'
import { insertSlice } from '../../db/slices.ts'
import type { EnvironmentId, SliceId } from '../../domain/ids.ts'
import { Secret } from '../../domain/secret.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createTestDatabase } from '../database.ts'
import { environment, keyring, operation, organisation, release, replica, server, service } from '../db/rows.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db, sql } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
afterAll(() => Promise.all([database.close(), ssh.close()]))

const deps = activityDeps({ db, keyring, ssh })
const { planRotation, switchCredentials, changeAttached, lookAtChanges, retireCredentials } = rotationActivities(deps)
const organisationId = await organisation(db)

/** A database that an environment uses which runs, one that was never deployed, and one that has no replicas any more. */
async function scene() {
  const serverId = await server(db, organisationId)
  const serviceId = await service(db, organisationId)
  await replica(db, { serviceId, serverId, role: 'server' })
  const credentials = { activeLogin: new Secret('a'), password: new Secret('present') }
  const slice = await insertSlice(db, keyring, { serviceId, name: 'shop', type: 'database', status: 'ready', config: { database: 'shop' }, credentials })
  const [deployed, fresh, scaledDown] = [await environment(db, organisationId), await environment(db, organisationId), await environment(db, organisationId)]
  await release(db, deployed)
  const web = await service(db, organisationId, { environmentId: deployed, category: 'application', driverName: 'laravel', deployPolicy: 'with_environment' })
  await replica(db, { serviceId: web, serverId })
  await release(db, scaledDown)
  const attach = (environmentId: EnvironmentId) => db.insert(environmentAttachments).values({ environmentId, serviceId, serviceSliceId: slice.id, role: 'database' })
  await attach(deployed)
  await attach(fresh)
  await attach(scaledDown)
  return { slice, serverId, deployed, attach, rotation: () => rotationUnderWay(slice.id) }
}

/** As it is requested: with its locks. */
async function rotationUnderWay(sliceId: SliceId) {
  const { id } = await operation(db, { organisationId, kind: 'credential_rotation', targetType: 'slice', targetId: sliceId })
  await db.insert(operationLocks).values((await locksOfRotation(db, sliceId)).map((lock) => ({ operationId: id, ...lock })))
  return id
}

const passwords = async (sliceId: SliceId) => ({
  slice: (await engineSlice(db, keyring, sliceId)).credentials.password?.reveal(),
  other: (await rotationOf(db, keyring, sliceId))?.credentials.password?.reveal(),
})

describe('a rotation', () => {
  test('makes the next credentials once, and switches to them once while those of before are kept', async () => {
    const { slice, rotation } = await scene()
    const operationId = await rotation()
    for (const _ of [1, 2]) expect(await planRotation({ operationId })).toEqual({ sliceName: 'shop', serviceName: expect.any(String), isSwitched: false })
    const next = (await passwords(slice.id)).other
    expect(next).toHaveLength(32)
    for (const _ of [1, 2]) await switchCredentials({ operationId })
    expect(await passwords(slice.id)).toEqual({ slice: next, other: 'present' })
    expect((await engineSlice(db, keyring, slice.id)).credentials.activeLogin?.reveal()).toBe('b')
    expect((await operationById(db, operationId)).committedAt).not.toBeNull()
    const [row] = await sql`select credentials from credential_rotations where slice_id = ${slice.id}`
    expect(row!.credentials).toMatch(/^k1\./)
  })

  test('that was not brought to its end is gone on with, and switches nothing again', async () => {
    const { slice, rotation } = await scene()
    const first = await rotation()
    await planRotation({ operationId: first })
    await switchCredentials({ operationId: first })
    const before = await passwords(slice.id)
    const second = await rotation()
    expect(await planRotation({ operationId: second })).toMatchObject({ isSwitched: true })
    await switchCredentials({ operationId: second })
    expect(await passwords(slice.id)).toEqual(before)
  })

  test('leaves something to take back only until it has switched', async () => {
    const { slice, serverId, rotation } = await scene()
    const operationId = await rotation()
    await planRotation({ operationId })
    expect((await leftoversOf(db, operationId)).slices).toMatchObject([{ id: slice.id, serverId }])
    await switchCredentials({ operationId })
    expect((await leftoversOf(db, operationId)).slices).toEqual([])
  })

  test('is not switched for an environment that was attached meanwhile', async () => {
    const { slice, attach, rotation } = await scene()
    const operationId = await rotation()
    await planRotation({ operationId })
    await attach(await environment(db, organisationId))
    await expect(switchCredentials({ operationId })).rejects.toMatchObject({ type: 'attachments_changed' })
    expect((await passwords(slice.id)).slice).toBe('present')
  })

  test('starts each deployed environment anew, once, under its own locks and ahead of those who wait', async () => {
    const { slice, deployed, rotation } = await scene()
    const operationId = await rotation()
    const { operationIds } = await changeAttached({ operationId, of: operationId })
    expect(await changeAttached({ operationId, of: operationId })).toEqual({ operationIds })
    expect(operationIds).toHaveLength(1)
    expect(await operationById(db, operationIds[0]!)).toMatchObject({
      ...{ kind: 'config_change', status: 'pending', targetId: deployed, input: { isPinned: true }, trigger: { by: 'operation', actor: operationId } },
      parentId: null,
    })
    const held = await sql`select key from operation_locks where operation_id = ${operationIds[0]!} and mode = 'exclusive'`
    expect(held).toEqual([{ key: `environment/${deployed}` }])
    expect(await lookAtChanges({ operationIds })).toEqual({ waiting: 1, failure: null })
    await sql`update operations set status = 'failed', finished_at = now(), failure = '{"code": "x", "message": "it was unwell."}' where id = ${operationIds[0]!}`
    expect(await lookAtChanges({ operationIds })).toMatchObject({ waiting: 0, failure: { code: 'environment_not_changed', message: expect.stringContaining('it was unwell.') } })
    await endRotation(db, slice.id)
  })

  test('waits for nobody who was detached and still runs with it: that one has to be deployed first', async () => {
    const { slice, deployed, rotation } = await scene()
    const [attachment] = await sql`select id from environment_attachments where environment_id = ${deployed}`
    await db.transaction((tx) => detach(tx, attachment!.id))
    await expect(planRotation({ operationId: await rotation() })).rejects.toMatchObject({ type: 'slice_still_used', nonRetryable: true })
    expect(await rotationOf(db, keyring, slice.id)).toBeNull()
  })

  test('is not ended while a service that is deployed on its own runs from before, and names it', async () => {
    const { deployed, serverId, rotation } = await scene()
    const operationId = await rotation()
    await planRotation({ operationId })
    const jobs = await service(db, organisationId, { environmentId: deployed, name: 'jobs', category: 'application', driverName: 'laravel', deployPolicy: 'manual' })
    const replicaId = await replica(db, { serviceId: jobs, serverId })
    await switchCredentials({ operationId })
    const retire = () => retireCredentials({ operationId, of: operationId })
    await expect(retire()).rejects.toMatchObject({ type: 'service_not_changed', message: expect.stringContaining('jobs of production') })
    await sql`update service_replicas set status = 'removed' where id = ${replicaId}`
    await replica(db, { serviceId: jobs, serverId })
    await expect(retire()).rejects.not.toMatchObject({ type: 'service_not_changed' })
  })

  test('keeps its slice from being made anew, which would end the credentials of before', async () => {
    const { slice, rotation } = await scene()
    await planRotation({ operationId: await rotation() })
    const { id } = await operation(db, { organisationId, kind: 'slice_provision', targetType: 'slice', targetId: slice.id })
    await expect(sliceActivities(deps).provisionSlice({ operationId: id })).rejects.toMatchObject({ type: 'rotation_unfinished' })
  })

  test('that was lost and cannot be completed fails for its own reason', async () => {
    const { id } = await operation(db, { organisationId, kind: 'credential_rotation', status: 'recovering' })
    const failure = { code: 'environment_not_changed', message: 'not changed' }
    await operationActivities(deps).finishLost({ operationId: id, isCommitted: true, failure })
    expect(await operationById(db, id)).toMatchObject({ status: 'failed', failure })
  })
})
