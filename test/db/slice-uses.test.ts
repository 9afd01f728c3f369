import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { insertAttachment } from '../../db/attachments.ts'
import { serviceSlices } from '../../db/schema/index.ts'
import { detach, endDetached, environmentsOfService, environmentsOfSlice, hasDetached, usesOf } from '../../db/slice-uses.ts'
import type { EnvironmentId, SliceId } from '../../domain/ids.ts'
import { createTestDatabase } from '../database.ts'
import { environment, organisation, replica, server, service, slice } from './rows.ts'

const database = await createTestDatabase()
const { db } = database
afterAll(database.close)

const organisationId = await organisation(db)

/** A database that is made for an environment, and attached to it. */
async function attached({ runs = false } = {}) {
  const environmentId = await environment(db, organisationId)
  const serviceId = await service(db, organisationId)
  const sliceId = await slice(db, serviceId, { environmentId, status: 'ready' })
  const attach = (of: EnvironmentId, role: 'database' | 'custom' = 'database') =>
    insertAttachment(db, { environmentId: of, serviceId, serviceSliceId: sliceId, role, isPrimary: false })
  const { id: attachmentId } = await attach(environmentId)
  const web = await service(db, organisationId, { environmentId, category: 'application', driverName: 'laravel' })
  if (runs) await replica(db, { serviceId: web, serverId: await server(db, organisationId) })
  return { environmentId, serviceId, sliceId, attachmentId, attach }
}

const ended = (id: Parameters<typeof detach>[1]) => db.transaction((tx) => detach(tx, id))
const uses = async (id: SliceId) => (await usesOf(db, [id])).map(({ environmentId, isAttached }) => ({ environmentId, isAttached }))
const ownerOf = async (id: SliceId) => (await db.select().from(serviceSlices).where(eq(serviceSlices.id, id)))[0]!.environmentId

describe('an environment that does not run', () => {
  test('uses what it is attached to, and nothing of it once it is detached', async () => {
    const { environmentId, serviceId, sliceId, attachmentId } = await attached()
    expect(await uses(sliceId)).toEqual([{ environmentId, isAttached: true }])
    expect([await ended(attachmentId), await ended(attachmentId)]).toEqual([true, false])
    expect([await uses(sliceId), await ownerOf(sliceId), await environmentsOfService(db, serviceId)]).toEqual([[], null, []])
    expect(await hasDetached(db, environmentId)).toBe(false)
  })
})

describe('an environment that runs', () => {
  test('uses what was detached until its next version has taken over', async () => {
    const { environmentId, serviceId, sliceId, attachmentId } = await attached({ runs: true })
    await ended(attachmentId)
    expect(await uses(sliceId)).toEqual([{ environmentId, isAttached: false }])
    expect([await environmentsOfService(db, serviceId), await hasDetached(db, environmentId)]).toEqual([[environmentId], true])
    for (let time = 0; time < 2; time += 1) await endDetached(db, environmentId)
    expect([await uses(sliceId), await environmentsOfService(db, serviceId)]).toEqual([[], []])
  })

  test('may be attached and detached again', async () => {
    const { environmentId, sliceId, attachmentId, attach } = await attached({ runs: true })
    await ended(attachmentId)
    await endDetached(db, environmentId)
    const again = await attach(environmentId)
    expect(await uses(sliceId)).toEqual([{ environmentId, isAttached: true }])
    await ended(again.id)
    expect(await uses(sliceId)).toEqual([{ environmentId, isAttached: false }])
  })

  test('uses a slice as long as it is attached in one role', async () => {
    const { environmentId, sliceId, attachmentId, attach } = await attached({ runs: true })
    await attach(environmentId, 'custom')
    await ended(attachmentId)
    expect([await uses(sliceId), await ownerOf(sliceId)]).toEqual([[{ environmentId, isAttached: true }], environmentId])
    expect(await hasDetached(db, environmentId)).toBe(false)
  })
})

test('a slice has all environments that share it', async () => {
  const { environmentId, serviceId, sliceId, attachmentId, attach } = await attached()
  const other = await environment(db, organisationId)
  await attach(other)
  expect((await environmentsOfSlice(db, sliceId)).toSorted()).toEqual([environmentId, other].toSorted())
  expect((await environmentsOfService(db, serviceId)).toSorted()).toEqual([environmentId, other].toSorted())
  await ended(attachmentId)
  expect([await environmentsOfSlice(db, sliceId), await uses(sliceId)]).toEqual([[other], [{ environmentId: other, isAttached: true }]])
})
