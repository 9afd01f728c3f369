import { afterAll, describe, expect, test } from 'vitest'
import { deployFacts } from '../../activities/deploy-snapshot.ts'
import { environmentAttachments, servicePlacements } from '../../db/schema/index.ts'
import { recordSlice } from '../../db/engine-services.ts'
import { recordDisk } from '../../db/servers.ts'
import { insertSlice } from '../../db/slices.ts'
import { changeVariables } from '../../db/variables.ts'
import type { ServerId } from '../../domain/ids.ts'
import { planDeploy } from '../../domain/plan-deploy.ts'
import { Secret } from '../../domain/secret.ts'
import { serviceDriver } from '../../drivers/services/registry.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { planIds } from '../../activities/deploy-rows.ts'
import { createTestDatabase } from '../database.ts'
import { environment, gateway, keyring, operation, organisation, replica, server, service, slice } from '../db/rows.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
afterAll(() => Promise.all([database.close(), ssh.close()]))

const deps = activityDeps({ db, keyring, ssh })
const organisationId = await organisation(db)
let lastAddress = 0

const serverIn = (privateNetwork: string | null, name: string) => {
  lastAddress += 1
  const place = privateNetwork === null ? {} : { privateNetwork, privateAddress: `10.9.0.${lastAddress}` }
  return server(db, organisationId, { name: `${name}-${lastAddress}`, address: `203.0.113.${lastAddress}`, ...place })
}

/** An environment on these servers with a worker, whose image was built elsewhere. */
async function scene(servers: ServerId[]) {
  const environmentId = await environment(db, organisationId)
  const laravel = { environmentId, category: 'application', driverName: 'laravel', deployPolicy: 'with_environment' } as const
  const web = await service(db, organisationId, { ...laravel, name: 'web', processRoles: ['web'] })
  await db.insert(servicePlacements).values(servers.map((serverId) => ({ serviceId: web, serverId })))
  const set = (key: string, value: string) => changeVariables(db, keyring, { environmentId, values: { [key]: new Secret(value) } })
  await set('QUEUE_CONNECTION', 'null')
  await set('FILESYSTEM_DISK', 's3')
  const warnings = async () => {
    const { id } = await operation(db, { organisationId, targetId: environmentId, input: { image: `r.lab/shop@sha256:${'1'.repeat(64)}`, commit: null } })
    const facts = await deployFacts(deps, { targetId: environmentId, input: { image: `r.lab/shop@sha256:${'1'.repeat(64)}`, commit: null }, plan: null })
    return planDeploy(facts.snapshot, planIds(id)).warnings
  }
  return { environmentId, set, warnings }
}

describe('what a plan knows of an environment', () => {
  test('is nothing to worry about where all of it is near', async () => {
    const { warnings } = await scene([await serverIn('private', 'web'), await serverIn('private', 'web')])
    expect(await warnings()).toEqual([])
  })

  test('is judged by the variables as the application will see them', async () => {
    const { environmentId, set, warnings } = await scene([await serverIn('private', 'web'), await serverIn('private', 'web')])
    for (const [key, value] of Object.entries({ APP_ENV: 'production', APP_DEBUG: 'true', FILESYSTEM_DISK: 'local' })) await set(key, value)
    const path = `/organisations/${organisationId}/environments/${environmentId}/variables`
    expect(await warnings()).toMatchObject([
      { code: 'debug_in_production', request: { path: `${path}/APP_DEBUG` } },
      { code: 'local_disk', request: { path: `${path}/FILESYSTEM_DISK` } },
    ])
  })

  test('tells of a database and a gateway in another network', async () => {
    const [near, far] = [await serverIn('one', 'web'), await serverIn('other', 'far')]
    const { environmentId, warnings } = await scene([near])
    const data = await service(db, organisationId, { name: `main-${lastAddress}`, allowPublic: true })
    await replica(db, { serviceId: data, serverId: far, role: 'server', hostPort: 20_000 + lastAddress })
    const { configure, generateCredentials, type } = serviceDriver('postgres').slices!
    const made = { serviceId: data, environmentId, name: 'shop', type, config: configure('shop', []), credentials: generateCredentials() }
    const { id: database } = await insertSlice(db, keyring, made)
    await recordSlice(db, database, { status: 'ready' })
    await db.insert(environmentAttachments).values({ environmentId, serviceId: data, serviceSliceId: database, role: 'database', isPrimary: true })
    const edge = await gateway(db, organisationId, far)
    await slice(db, edge, { environmentId, type: 'route', status: 'ready', domain: `shop-${lastAddress}.test` })
    expect((await warnings()).map(({ code }) => code)).toEqual(['public_fallback', 'database_far', 'public_fallback', 'cross_location_upstream'])
  })

  test('tells of a disk that was nearly full when last seen, and no more when it is not', async () => {
    const serverId = await serverIn('private', 'full')
    const { warnings } = await scene([serverId])
    await recordDisk(db, serverId, 800)
    expect(await warnings()).toMatchObject([{ code: 'disk_nearly_full', message: expect.stringContaining('800 MB') }])
    await recordDisk(db, serverId, null)
    expect(await warnings()).toEqual([])
  })
})
