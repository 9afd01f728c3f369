import { afterAll, describe, expect, test } from 'vitest'
import { firewallActivities } from '../../activities/firewalls.ts'
import { serverActivities } from '../../activities/servers.ts'
import { failTarget } from '../../db/convergence.ts'
import { firewallOf, recordFirewall } from '../../db/firewalls.ts'
import { recordReachable } from '../../db/observations.ts'
import { operationById } from '../../db/operations/begin.ts'
import { serverStatuses } from '../../db/schema/index.ts'
import { activateServer } from '../../db/server-access.ts'
import { serverState } from '../../db/server-removals.ts'
import type { ServerId } from '../../domain/ids.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createTestDatabase } from '../database.ts'
import { keyring, operation, organisation, server } from '../db/rows.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db, sql } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
afterAll(() => Promise.all([database.close(), ssh.close()]))

const deps = activityDeps({ db, keyring, ssh })
const { planHardening, planProvisioning } = serverActivities(deps)
const { planFirewalls } = firewallActivities(deps)
const organisationId = await organisation(db)

const active = { status: 'active', hostKey: 'ssh-ed25519 AAAA', architecture: 'amd64', managementKeyPublic: 'ssh-ed25519 BBBB keystone' } as const
const hardening = async (serverId: ServerId) =>
  (await operation(db, { organisationId, kind: 'server_harden', targetType: 'server', targetId: serverId })).id

test('a server is hardened over the login of Keystone, and stays what it is', async () => {
  const id = await server(db, organisationId, active)
  const before = await sql`select * from servers where id = ${id}`
  const operationId = await hardening(id)
  for (const _ of [1, 2]) {
    expect(await planHardening({ operationId })).toEqual({ id, name: before[0]!.name, managementKeyPublic: active.managementKeyPublic, login: 'management' })
  }
  expect(await sql`select * from servers where id = ${id}`).toEqual(before)
})

test.each(['new', 'provisioning', 'failed', 'removing'] as const)('a server that is %s is not hardened', async (status) => {
  const operationId = await hardening(await server(db, organisationId, { status }))
  await expect(planHardening({ operationId })).rejects.toMatchObject({ type: 'server_not_ready', nonRetryable: true })
})

test('a server that is hardened takes its firewall rules again, though it has them', async () => {
  const serverId = await server(db, organisationId, active)
  const first = await hardening(serverId)
  const [planned] = await planFirewalls({ operationId: first, of: first })
  expect(planned).toMatchObject({ serverId, revision: 1 })
  await recordFirewall(db, { serverId, revision: 1, listed: '' })
  const again = await hardening(serverId)
  for (const _ of [1, 2]) expect(await planFirewalls({ operationId: again, of: again })).toEqual([planned])
  expect(await firewallOf(db, serverId)).toMatchObject({ revision: 1, applied: 0 })
})

describe('the provisioning of a server', () => {
  type Status = (typeof serverStatuses)[number]
  const provisioning = async (status: Status) => {
    const id = await server(db, organisationId, { ...active, status })
    const { id: operationId } = await operation(db, { organisationId, kind: 'server_provision', targetType: 'server', targetId: id })
    for (const _ of [1, 2]) expect(await planProvisioning({ operationId })).toMatchObject({ id, login: 'management' })
    return { id, operationId, fails: async () => failTarget(db, await operationById(db, operationId)) }
  }
  const statusOf = async (id: ServerId) => (await serverState(db, id)).status

  test.each<[before: Status, meanwhile: Status, failed: Status]>([
    ['new', 'provisioning', 'failed'],
    ['failed', 'provisioning', 'failed'],
    ['provisioning', 'provisioning', 'failed'],
    ['active', 'active', 'active'],
    ['unreachable', 'unreachable', 'unreachable'],
  ])('finds it %s, has it %s, and where it fails leaves it %s', async (before, meanwhile, failed) => {
    const { id, fails } = await provisioning(before)
    expect(await statusOf(id)).toBe(meanwhile)
    for (const _ of [1, 2]) await fails()
    expect(await statusOf(id)).toBe(failed)
  })

  test.each(serverStatuses.filter((status) => status !== 'removing' && status !== 'removed'))('that was %s ends with an active one where it succeeds', async (before) => {
    const { id } = await provisioning(before)
    await activateServer(db, id, { architecture: 'amd64', facts: {} })
    expect(await statusOf(id)).toBe('active')
  })

  test('does not hide that the server answers again, nor that it has stopped to', async () => {
    const { id, fails } = await provisioning('unreachable')
    await recordReachable(db, id, true)
    await fails()
    expect(await statusOf(id)).toBe('active')
    await recordReachable(db, id, false)
    expect(await statusOf(id)).toBe('unreachable')
  })

  test.each(['removing', 'removed'] as const)('is none of one that is %s', async (status) => {
    await expect(provisioning(status)).rejects.toMatchObject({ type: 'server_is_removed', nonRetryable: true })
  })
})
