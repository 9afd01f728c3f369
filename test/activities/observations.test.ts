import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { observationActivities } from '../../activities/observations.ts'
import { forgetFirstLogin } from '../../db/server-access.ts'
import { insertServer } from '../../db/servers.ts'
import { serverLocks } from '../../domain/locks.ts'
import { Secret } from '../../domain/secret.ts'
import { generateDeployKey } from '../../drivers/sources/deploy-key.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createTestDatabase } from '../database.ts'
import { deployOf, keyring, organisation, requested } from '../db/rows.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db, sql } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
afterAll(() => Promise.all([database.close(), ssh.close()]))

const deps = activityDeps({ db, keyring, ssh })
const { observeServer } = observationActivities(deps)

test('a server that does not answer is unreachable, but not while an operation has it for itself', async () => {
  const organisationId = await organisation(db)
  const nowhere = { address: '127.0.0.1', sshPort: 1, privateAddress: null, privateNetwork: null, hostKey: 'ssh-ed25519 AAAA' }
  const firstLogin = { user: 'root', credential: { password: new Secret('first login') } }
  const { id, name } = await insertServer(db, keyring, { organisationId, name: 'web', ...nowhere, managementKey: generateDeployKey('keystone'), firstLogin })
  await forgetFirstLogin(db, id)
  await sql`update servers set status = 'active', architecture = 'amd64' where id = ${id}`
  const look = () => observeServer({ server: { id, organisationId, name }, runId: randomUUID() })
  const known = async () => (await sql`select servers.status, (select count(*)::int from server_observations where server_id = servers.id) as looks from servers where id = ${id}`)[0]

  const operation = await requested(db, deployOf(organisationId, id, { kind: 'server_key_rotation', targetType: 'server', locks: serverLocks(id) }))
  expect(await look()).toMatchObject({ isReachable: false })
  expect(await known()).toEqual({ status: 'active', looks: 0 })
  await sql`update operations set status = 'succeeded', finished_at = now() - interval '1 minute' where id = ${operation.id}`
  expect(await look()).toMatchObject({ isReachable: false })
  expect(await known()).toEqual({ status: 'unreachable', looks: 1 })
})
