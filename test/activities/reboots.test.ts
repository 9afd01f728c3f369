import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { gatewayActivities } from '../../activities/gateways.ts'
import { rebootActivities } from '../../activities/reboots.ts'
import { revisionOf } from '../../db/gateways.ts'
import { operationById } from '../../db/operations/begin.ts'
import { replicaById } from '../../db/replicas.ts'
import { operations } from '../../db/schema/index.ts'
import { serverState } from '../../db/server-removals.ts'
import { serverPlace } from '../../db/servers.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createTestDatabase } from '../database.ts'
import { environment, gateway, keyring, operation, organisation, replica, server, service, slice } from '../db/rows.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
afterAll(() => Promise.all([database.close(), ssh.close()]))

const deps = activityDeps({ db, keyring, ssh })
const activities = rebootActivities(deps)
const organisationId = await organisation(db)
let addresses = 0
const aServer = () => {
  const place = { privateNetwork: 'lab', privateAddress: `10.0.0.${(addresses += 1)}` }
  return server(db, organisationId, { status: 'active', hostKey: '-', architecture: 'amd64', ...place })
}

/** An environment on two servers behind the gateway of a third; the first of them is to restart. */
async function scene() {
  const [serverId, other, third] = [await aServer(), await aServer(), await aServer()]
  const environmentId = await environment(db, organisationId)
  const web = await service(db, organisationId, { environmentId, category: 'application', driverName: 'laravel', name: 'web', processRoles: ['web'] })
  const serving = { serviceId: web, traffic: 'serving', healthStatus: 'healthy', hostPort: 20_001 } as const
  const [here, there] = [await replica(db, { ...serving, serverId }), await replica(db, { ...serving, serverId: other })]
  const gatewayId = await gateway(db, organisationId, third)
  await replica(db, { serviceId: gatewayId, serverId: third, role: 'server' })
  await slice(db, gatewayId, { type: 'route', status: 'ready', domain: `${third}.example.com`, environmentId })
  const { id: operationId } = await operation(db, { organisationId, kind: 'server_reboot', targetType: 'server', targetId: serverId })
  const told = { gatewayId, serverName: expect.any(String), environmentIds: [environmentId] }
  return { serverId, environmentId, here, there, operationId, told }
}

const trafficOf = async (id: Parameters<typeof replicaById>[1]) => (await replicaById(db, id)).traffic
const twice = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
  const first = await work()
  expect(await work()).toEqual(first)
  return first
}

describe('a reboot', () => {
  test('takes a server out of the gateways, and puts it back, however often it is asked', async () => {
    const { serverId, here, there, operationId, told } = await scene()
    const work = { operationId, of: operationId }
    expect(await twice(() => activities.planReboot({ operationId }))).toMatchObject({ serverId })
    expect(await twice(() => activities.leaveGateways({ operationId }))).toEqual([told])
    expect([await trafficOf(here), await trafficOf(there)]).toEqual(['draining', 'serving'])
    await twice(() => activities.commitReboot({ operationId }))
    expect(await trafficOf(here)).toBe('away')
    expect(await twice(() => activities.planRebootCompletion(work))).toMatchObject({ serverId, isGone: false, handovers: [] })
    expect(await twice(() => activities.enterGateways(work))).toEqual([told])
    expect(await trafficOf(here)).toBe('serving')
  })

  test('that has failed leaves it out, and marks both until it is in line', async () => {
    const { serverId, here, operationId } = await scene()
    const work = { operationId, of: operationId }
    await activities.leaveGateways({ operationId })
    await activities.commitReboot({ operationId })
    await twice(() => activities.abandonReboot(work))
    expect([await trafficOf(here), (await operationById(db, operationId)).needsConvergence]).toEqual(['away', true])
    expect((await serverState(db, serverId)).status).toBe('active')
    await twice(() => activities.abandonReboot({ ...work, isSilent: true }))
    expect((await serverState(db, serverId)).status).toBe('unreachable')
    await activities.enterGateways(work)
    await twice(() => activities.recordRebooted(work))
    expect([await trafficOf(here), (await operationById(db, operationId)).needsConvergence]).toEqual(['serving', false])
  })

  test('is refused where by then its server alone serves something that nobody has said yes to', async () => {
    const { serverId, operationId } = await scene()
    await replica(db, { serviceId: await service(db, organisationId, { name: 'orders' }), serverId, role: 'server' })
    await expect(activities.planReboot({ operationId })).rejects.toMatchObject({ type: 'acknowledgement_required', message: expect.stringContaining('Nobody reaches orders while') })
    await db.update(operations).set({ input: { acknowledgeDowntime: true } }).where(eq(operations.id, operationId))
    expect(await activities.planReboot({ operationId })).toMatchObject({ serverId })
  })

  test('is written into the gateway by the sections of its environments: without the server, and with it again', async () => {
    const { environmentId, here, there, operationId, told: { gatewayId } } = await scene()
    const { writeRevision } = gatewayActivities(deps)
    const upstreamsAt = async (change: 'leave' | 'enter') => {
      const { phase } = await writeRevision({ operationId, gatewayId, owned: { environmentIds: [environmentId] }, isAlone: false, attempt: 0, change })
      const { text, ownSections } = (await revisionOf(db, { gatewayId, operationId, phase }))!
      expect(Object.keys(ownSections)).toHaveLength(1)
      return /handle \{\s+reverse_proxy ([^{]+) \{/.exec(text)?.[1]?.split(' ')
    }
    const addressOf = async (id: typeof here) => `${(await serverPlace(db, (await replicaById(db, id)).serverId)).privateAddress}:20001`
    await activities.leaveGateways({ operationId })
    expect(await upstreamsAt('leave')).toEqual([await addressOf(there)])
    await activities.commitReboot({ operationId })
    await activities.enterGateways({ operationId, of: operationId })
    expect(await upstreamsAt('enter')).toEqual([await addressOf(here), await addressOf(there)])
  })
})
