import { ActivityCancellationDetails } from '@temporalio/common'
import { MockActivityEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { providerActivities } from '../../activities/providers.ts'
import { insertPurchase } from '../../db/machines.ts'
import { finishOperation } from '../../db/operations/finish.ts'
import { insertProvider } from '../../db/providers.ts'
import { beginProvisioning } from '../../db/server-access.ts'
import type { OrganisationId, ServerId } from '../../domain/ids.ts'
import { Secret } from '../../domain/secret.ts'
import { generateHostKey } from '../../drivers/providers/first-boot.ts'
import { createProviders } from '../../drivers/providers/registry.ts'
import { generateDeployKey } from '../../drivers/sources/deploy-key.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createTestDatabase } from '../database.ts'
import { keyring, operation, organisation, server as adopted, service } from '../db/rows.ts'
import { type FakeHetzner, openFakeHetzner } from '../lab/hetzner/fake.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db, sql } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
let fake: FakeHetzner
let activities: ReturnType<typeof providerActivities>

beforeAll(async () => {
  fake = await openFakeHetzner()
  const providers = createProviders({ hetzner: { endpoint: fake.endpoint, timeoutSeconds: 1, pollMilliseconds: 5 } })
  const deps = activityDeps({ db, keyring, ssh, providers })
  activities = providerActivities(deps)
})
beforeEach(() => {
  Object.assign(fake, { fault: () => null, actionMilliseconds: 5 })
  fake.project.bought.length = 0
})
afterAll(() => Promise.all([database.close(), ssh.close(), fake.close()]))

let count = 0

/** A server whose machine is to be bought, and the running operation that does it. */
async function ordered({ network = 'inside' }: { network?: string | null } = {}) {
  count += 1
  const organisationId = await organisation(db)
  const provider = await insertProvider(db, keyring, { organisationId, name: 'hetzner', type: 'hetzner', token: new Secret(fake.token) })
  const serverId = await insertPurchase(db, keyring, {
    ...{ organisationId, providerId: provider.id, name: `web-${count}`, location: 'fsn1', type: 'cx22', image: 'debian-13', network },
    ...{ managementKey: generateDeployKey('m'), loginKey: generateDeployKey('l'), givenHostKey: generateHostKey() },
  })
  const { id: operationId } = await operation(db, { organisationId, kind: 'server_provision', targetType: 'server', targetId: serverId })
  const target = (await beginProvisioning(db, serverId, operationId))!
  return { organisationId, serverId, operationId, target }
}

const create = ({ operationId, target }: Awaited<ReturnType<typeof ordered>>, environment = new MockActivityEnvironment()) =>
  environment.run(activities.createMachine, { operationId, server: target })

const stored = async (id: ServerId) => (await sql`select address, private_address, private_network, provider_server_id from servers where id = ${id}`)[0]

describe('a machine', () => {
  test('is made once, however often it is asked for, and the server is where it is', async () => {
    const order = await ordered()
    expect(order.target.isToBeMade).toBe(true)
    await create(order)
    const [machine] = fake.project.servers.filter(({ labels }) => labels['keystone-server'] === order.serverId)
    const expected = { address: machine!.address, private_address: machine!.attached[0]!.ip, private_network: 'hetzner/inside', provider_server_id: `${machine!.id}` }
    expect(await stored(order.serverId)).toEqual(expected)
    await create(order)
    expect(await stored(order.serverId)).toEqual(expected)
    expect(fake.project.bought).toHaveLength(1)
    const steps = await sql`select name, status, script, server_id from operation_steps where operation_id = ${order.operationId}`
    expect(steps).toEqual([{ name: 'create machine', status: 'succeeded', script: 'Hetzner Cloud: a cx22 with debian-13 in fsn1', server_id: null }])
  })

  test('that has been worked with is left alone', async () => {
    const order = await ordered()
    await create(order)
    await sql`update machines set given_host_key = null where server_id = ${order.serverId}`
    const before = fake.asked.length
    await create(order)
    expect(fake.asked.length).toBe(before)
    expect((await beginProvisioning(db, order.serverId, order.operationId))?.isToBeMade).toBeUndefined()
  })

  test('is not made for an operation that has ended', async () => {
    const order = await ordered()
    await finishOperation(db, order.operationId, { status: 'cancelled' })
    await expect(create(order)).rejects.toMatchObject({ name: 'OperationEnded' })
    expect(fake.project.bought).toEqual([])
  })

  test.each([
    ['rate_limited', { type: 'provider_rate_limited', nonRetryable: false, nextRetryDelay: 60_000 }, 'running'],
    ['bad_gateway', { type: 'provider_unavailable', nonRetryable: false }, 'running'],
    [{ status: 403, code: 'resource_limit_exceeded' }, { type: 'provider_limit_reached', nonRetryable: true }, 'failed'],
  ] as const)('that is refused by %j is tried again, or its step has failed', async (refused, expected, status) => {
    const order = await ordered()
    fake.fault = ({ route }) => (route === 'POST /servers' ? { refused } : null)
    await expect(create(order)).rejects.toMatchObject(expected)
    expect(await sql`select status from operation_steps where operation_id = ${order.operationId}`).toEqual([{ status }])
  })

  test('is let go of by a worker that ends, and by a cancel; the next try goes on with it', async () => {
    const order = await ordered()
    fake.actionMilliseconds = 300
    for (const [reason, isCancel, expected] of [['WORKER_SHUTDOWN', false, { type: 'detached', nonRetryable: false }], ['CANCELLED', true, { name: 'CancelledFailure' }]] as const) {
      const environment = new MockActivityEnvironment()
      fake.fault = ({ route }) => {
        if (route === 'GET /servers/{id}/actions') environment.cancel(reason, new ActivityCancellationDetails({ cancelRequested: isCancel }))
        return null
      }
      await expect(create(order, environment)).rejects.toMatchObject(expected)
    }
    fake.fault = () => null
    await create(order)
    expect(fake.project.bought).toHaveLength(1)
  })
})

describe('the removal of a server', () => {
  const removal = async ({ organisationId, serverId }: { organisationId: OrganisationId; serverId: ServerId }) => {
    const { id: operationId } = await operation(db, { organisationId, kind: 'server_remove', targetType: 'server', targetId: serverId })
    return { operationId, of: operationId }
  }

  test('takes the machine and its key away, also where it was never known that they were made', async () => {
    const order = await ordered()
    await create(order)
    await sql`update servers set provider_server_id = null, address = null, private_address = null, private_network = null, status = 'failed' where id = ${order.serverId}`
    const work = await removal(order)
    await activities.beginServerRemoval(work)
    expect(await activities.planServerRemoval(work)).toEqual({ name: order.target.name, isBought: true })
    for (const _ of [1, 2]) await new MockActivityEnvironment().run(activities.removeMachine, work)
    await activities.recordServerRemoved(work)
    const own = (thing: { labels: Record<string, string> }) => thing.labels['keystone-server'] === order.serverId
    expect([fake.project.servers.filter(own), fake.project.keys.filter(own)]).toEqual([[], []])
    expect(await sql`select status from servers where id = ${order.serverId}`).toEqual([{ status: 'removed' }])
    expect(await beginProvisioning(db, order.serverId, order.operationId)).toBeNull()
  })

  test('asks nobody for one that was adopted', async () => {
    const organisationId = await organisation(db)
    const serverId = await adopted(db, organisationId)
    const work = await removal({ organisationId, serverId })
    await activities.beginServerRemoval(work)
    expect(await activities.planServerRemoval(work)).toMatchObject({ isBought: false })
    const before = fake.asked.length
    await new MockActivityEnvironment().run(activities.removeMachine, work)
    expect(fake.asked.length).toBe(before)
  })

  test('that something was put on meanwhile is refused, and nothing is changed', async () => {
    const organisationId = await organisation(db)
    const serverId = await adopted(db, organisationId)
    await sql`insert into service_placements (service_id, server_id, count) values (${await service(db, organisationId, { name: 'late' })}, ${serverId}, 1)`
    const work = await removal({ organisationId, serverId })
    await expect(activities.beginServerRemoval(work)).rejects.toMatchObject({ type: 'server_in_use', nonRetryable: true, message: expect.stringContaining('has services: late') })
    expect(await sql`select status from servers where id = ${serverId}`).toEqual([{ status: 'new' }])
  })
})
