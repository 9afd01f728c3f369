import { afterAll, describe, expect, test } from 'vitest'
import { findingsOf, recordFindings } from '../../db/drift.ts'
import { lockAdmission } from '../../db/operations/admit.ts'
import { changedSince, now, observationsOf, recordObservation, recordSeenReplica, watchedServers } from '../../db/observations.ts'
import { recordFiles, recordStopped, replicaById } from '../../db/replicas.ts'
import type { Finding } from '../../domain/drift.ts'
import { createTestDatabase } from '../database.ts'
import { deployOf, environment, gateway, operation, organisation, replica, requested, server, service } from './rows.ts'

const database = await createTestDatabase()
const { db, sql } = database
afterAll(database.close)

const organisationId = await organisation(db)
const active = { status: 'active', hostKey: '-', architecture: 'amd64' } as const

describe('what may have changed since a moment', () => {
  test('is what unfinished operations hold for themselves, and what those held that have ended since', async () => {
    const [one, other] = [await environment(db, organisationId), await environment(db, organisationId)]
    const shared = { key: 'service/shared', mode: 'shared' } as const
    const deploy = await requested(db, deployOf(organisationId, one, { locks: [{ key: `environment/${one}`, mode: 'exclusive' }, shared] }))
    const queued = await requested(db, deployOf(organisationId, one))
    expect(queued.status).toBe('queued')
    await requested(db, deployOf(organisationId, other))
    const changed = await changedSince(db, await now(db))
    expect([changed.has(`environment/${one}`), changed.has(`environment/${other}`), changed.has('service/shared')]).toEqual([true, true, false])
    await sql`update operations set status = 'succeeded', finished_at = now() where id in (${deploy.id}, ${queued.id})`
    const around = async (milliseconds: number) => (await changedSince(db, new Date((await now(db)).getTime() + milliseconds))).has(`environment/${one}`)
    expect([await around(-10_000), await around(10_000)]).toEqual([true, false])
  })

  test('is a gateway that one of them has written a revision for', async () => {
    const id = await gateway(db, organisationId, await server(db, organisationId))
    const root = await operation(db, { organisationId, status: 'running' })
    const child = await operation(db, { organisationId, status: 'running', parentId: root.id, rootId: root.id })
    expect((await changedSince(db, await now(db))).has(`service/${id}`)).toBe(false)
    await sql`insert into gateway_revisions (gateway_id, operation_id, phase, revision, text, own_sections) values (${id}, ${child.id}, 'switch', 1, '', '{}')`
    expect((await changedSince(db, await now(db))).has(`service/${id}`)).toBe(true)
    await sql`update operations set status = 'succeeded', finished_at = now() - interval '1 minute' where id in (${root.id}, ${child.id})`
    expect((await changedSince(db, await now(db))).has(`service/${id}`)).toBe(false)
  })

  test('is told though somebody holds admission', async () => {
    await db.transaction(async (tx) => {
      await lockAdmission(tx)
      expect(await changedSince(db, await now(db))).toBeInstanceOf(Set)
    })
  })
})

const finding = (values: Partial<Finding> = {}): Finding => ({
  ...{ code: 'file_changed', subject: '/web/.env', environmentId: null, serviceId: null, replicaId: null },
  ...{ message: 'changed', hint: 'restart', expected: 'aa', found: 'bb', ...values },
})
const page = { limit: 10 }

describe('findings', () => {
  test('begin, go on and are over, unless nobody knows', async () => {
    const id = await server(db, organisationId)
    const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute))
    const record = (minute: number, findings: Finding[], isLeft = false) =>
      db.transaction((tx) => recordFindings(tx, { id, organisationId }, { findings, at: at(minute), isLeft: () => isLeft }))
    const stored = async (isOpen?: boolean) => (await findingsOf(db, organisationId, { serverId: id, isOpen }, page)).items.map(({ finding: one }) => one)

    await record(1, [finding(), finding({ subject: '/other' })])
    await record(2, [finding({ found: 'cc' })])
    expect(await stored(true)).toMatchObject([{ subject: '/web/.env', found: 'cc', firstSeenAt: at(1), lastSeenAt: at(2), resolvedAt: null }])
    expect(await stored(false)).toMatchObject([{ subject: '/other', lastSeenAt: at(1), resolvedAt: at(2) }])
    await record(3, [], true)
    expect(await stored(true)).toHaveLength(1)
    await record(4, [])
    await record(5, [finding()])
    expect((await stored()).map(({ firstSeenAt, resolvedAt }) => [firstSeenAt, resolvedAt])).toEqual([[at(5), null], [at(1), at(2)], [at(1), at(4)]])
  })

  test('are shown by server and environment, of present servers of one organisation', async () => {
    const id = await server(db, organisationId)
    const environmentId = await environment(db, organisationId)
    await db.transaction((tx) =>
      recordFindings(tx, { id, organisationId }, { findings: [finding(), finding({ subject: '/x', environmentId })], at: new Date(), isLeft: () => false }),
    )
    expect((await findingsOf(db, organisationId, { environmentId }, page)).items).toMatchObject([{ finding: { subject: '/x' } }])
    expect((await findingsOf(db, await organisation(db), { serverId: id }, page)).items).toEqual([])
    await sql`update servers set status = 'removed' where id = ${id}`
    expect((await findingsOf(db, organisationId, { serverId: id }, page)).items).toEqual([])
  })
})

describe('looks', () => {
  const measures = { diskFreeMb: 1, diskTotalMb: 2, memoryAvailableMb: 1, memoryTotalMb: 2, load: 0, cpus: 1, uptimeSeconds: 1, clockAheadMs: 0, docker: '28.0.1' }
  const run = (index: number) => `00000000-0000-4000-8000-${`${index}`.padStart(12, '0')}`

  test('are at servers that were ready once', async () => {
    const ids = [await server(db, organisationId, active), await server(db, organisationId), await server(db, organisationId, { ...active, status: 'unreachable' })]
    const watched = (await watchedServers(db)).map(({ id }) => id)
    expect(ids.map((id) => watched.includes(id))).toEqual([true, false, true])
  })

  test('are kept for a day, and a repetition is none', async () => {
    const serverId = await server(db, organisationId)
    const today = Date.now()
    const look = (index: number, hoursAgo: number) => ({ serverId, runId: run(index), at: new Date(today - hoursAgo * 3_600_000) })
    await recordObservation(db, look(1, 30), { isReachable: true, failure: null, measures })
    await recordObservation(db, look(2, 20), { isReachable: false, failure: 'no answer', measures: null })
    await recordObservation(db, look(3, 0), { isReachable: true, failure: null, measures })
    await recordObservation(db, look(3, 0), { isReachable: false, failure: 'again', measures: null })
    const kept = await observationsOf(db, serverId, new Date(0))
    expect(kept.map(({ runId, failure }) => [runId, failure])).toEqual([[run(3), null], [run(2), 'no answer']])
  })

  test('tell how a replica is, and leave what it should be', async () => {
    const id = await replica(db, { serviceId: await service(db, organisationId), serverId: await server(db, organisationId), containerId: 'c1' })
    const at = new Date(2026, 0, 1)
    await recordSeenReplica(db, { id, status: 'exited', containerId: 'c2', healthStatus: 'unhealthy', isAltered: true }, at)
    const seen = { observedStatus: 'exited', observedContainerId: 'c2', observedAt: at, healthStatus: 'unhealthy', isAltered: true }
    expect(await replicaById(db, id)).toMatchObject({ status: 'running', containerId: 'c1', ...seen })
    await recordSeenReplica(db, { id, status: 'running', containerId: 'c2', healthStatus: null, isAltered: false }, at)
    expect(await replicaById(db, id)).toMatchObject({ observedStatus: 'running', healthStatus: 'unhealthy' })
    await recordFiles(db, id, { '/web/.env': 'aa' })
    expect((await replicaById(db, id)).footprint).toEqual({ files: { '/web/.env': 'aa' }, containers: [] })
    await recordStopped(db, id)
    await recordSeenReplica(db, { id, status: 'running', containerId: 'c2', healthStatus: 'healthy', isAltered: true }, at)
    expect(await replicaById(db, id)).toMatchObject({ observedStatus: null, observedAt: null, isAltered: false, footprint: { files: {}, containers: [] } })
  })
})
