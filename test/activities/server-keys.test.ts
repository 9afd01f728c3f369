import { afterAll, describe, expect, test } from 'vitest'
import { convergenceActivities } from '../../activities/convergence.ts'
import { serverKeyActivities } from '../../activities/server-keys.ts'
import { forgetFirstLogin, serverAccess } from '../../db/server-access.ts'
import { serverKeyRotationOf } from '../../db/server-keys.ts'
import { markServerRemoved } from '../../db/server-removals.ts'
import { operationById } from '../../db/operations/begin.ts'
import { requestCancel } from '../../db/operations/cancel.ts'
import { insertServer } from '../../db/servers.ts'
import type { ServerId } from '../../domain/ids.ts'
import { Secret } from '../../domain/secret.ts'
import { generateDeployKey } from '../../drivers/sources/deploy-key.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createTestDatabase } from '../database.ts'
import { keyring, operation, organisation } from '../db/rows.ts'
import { activityDeps } from './deps.ts'

const database = await createTestDatabase()
const { db, sql } = database
const ssh = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 1 })
afterAll(() => Promise.all([database.close(), ssh.close()]))

const deps = activityDeps({ db, keyring, ssh })
const { planServerKeyRotation, switchServerKey } = serverKeyActivities(deps)
const { beginConvergence } = convergenceActivities(deps)
const organisationId = await organisation(db)

let servers = 0

/** A server that is ready, with a key of its own. */
async function readyServer() {
  servers += 1
  const managementKey = generateDeployKey('keystone')
  const place = { name: `web-${servers}`, address: `192.0.2.${servers}`, sshPort: 22, privateAddress: null, privateNetwork: null, hostKey: 'ssh-ed25519 AAAA' }
  const firstLogin = { user: 'root', credential: { password: new Secret('first login') } }
  const { id } = await insertServer(db, keyring, { organisationId, ...place, managementKey, firstLogin })
  await forgetFirstLogin(db, id)
  await sql`update servers set status = 'active', architecture = 'amd64' where id = ${id}`
  return { id, name: place.name, managementKey }
}

const rotation = async (serverId: ServerId) =>
  (await operation(db, { organisationId, kind: 'server_key_rotation', targetType: 'server', targetId: serverId })).id

/** The server's own key, private and public, and the other one. */
async function keysOf(id: ServerId) {
  const access = await serverAccess(db, keyring, id, 'management')
  const [row] = await sql`select management_key_public from servers where id = ${id}`
  const other = await serverKeyRotationOf(db, keyring, id)
  return {
    own: 'privateKey' in access ? access.privateKey.reveal() : null,
    ownPublic: String(row!.management_key_public),
    other: other && { privateKey: other.privateKey.reveal(), publicKey: other.publicKey, stage: other.stage },
  }
}

describe('the rotation of a server\'s key', () => {
  test('makes the next key once, and switches to it once while the one before is kept', async () => {
    const { id, name, managementKey } = await readyServer()
    const operationId = await rotation(id)
    for (const _ of [1, 2]) expect(await planServerKeyRotation({ operationId })).toEqual({ name, isSwitched: false })
    const planned = await keysOf(id)
    expect(planned).toEqual({ own: managementKey.privateKey.reveal(), ownPublic: managementKey.publicKey, other: expect.objectContaining({ stage: 'admitting' }) })
    expect(planned.other!.publicKey).not.toBe(managementKey.publicKey)
    for (const _ of [1, 2]) await switchServerKey({ operationId })
    expect(await keysOf(id)).toEqual({
      ...{ own: planned.other!.privateKey, ownPublic: planned.other!.publicKey },
      other: { privateKey: managementKey.privateKey.reveal(), publicKey: managementKey.publicKey, stage: 'retiring' },
    })
    expect((await operationById(db, operationId)).committedAt).not.toBeNull()
  })

  test('keeps private keys sealed', async () => {
    const { id } = await readyServer()
    await planServerKeyRotation({ operationId: await rotation(id) })
    const [row] = await sql`select private_key from server_key_rotations where server_id = ${id}`
    expect(row!.private_key).toMatch(/^k1\./)
  })

  test('that was not brought to its end is gone on with by the next one, with the same keys', async () => {
    const { id, name } = await readyServer()
    const first = await rotation(id)
    await planServerKeyRotation({ operationId: first })
    const planned = await keysOf(id)
    const second = await rotation(id)
    expect(await planServerKeyRotation({ operationId: second })).toEqual({ name, isSwitched: false })
    expect(await keysOf(id)).toEqual(planned)
    await switchServerKey({ operationId: second })
    const switched = await keysOf(id)
    const third = await rotation(id)
    expect(await planServerKeyRotation({ operationId: third })).toEqual({ name, isSwitched: true })
    await switchServerKey({ operationId: third })
    expect(await keysOf(id)).toEqual(switched)
  })

  test('leaves a key to be withdrawn as long as it is not the server\'s, and to that operation alone', async () => {
    const { id, name } = await readyServer()
    const [first, second] = [await rotation(id), await rotation(id)]
    const leftBy = async (of: typeof first) => (await beginConvergence({ operationId: of, of })).leftovers.withNextKey
    expect(await leftBy(first)).toBeUndefined()
    await planServerKeyRotation({ operationId: first })
    expect(await leftBy(first)).toEqual({ serverId: id, serverName: name })
    await planServerKeyRotation({ operationId: second })
    expect([await leftBy(first), await leftBy(second)]).toEqual([undefined, { serverId: id, serverName: name }])
    await switchServerKey({ operationId: second })
    expect(await leftBy(second)).toBeUndefined()
  })

  test('that is cancelled before it switches does not switch', async () => {
    const { id } = await readyServer()
    const operationId = await rotation(id)
    await planServerKeyRotation({ operationId })
    const planned = await keysOf(id)
    await requestCancel(db, operationId)
    await expect(switchServerKey({ operationId })).rejects.toThrow('cancelled')
    expect(await keysOf(id)).toEqual(planned)
  })

  test('is not begun on a server that is not ready', async () => {
    const { id } = await readyServer()
    await sql`update servers set status = 'failed' where id = ${id}`
    await expect(planServerKeyRotation({ operationId: await rotation(id) })).rejects.toMatchObject({ type: 'server_not_ready', nonRetryable: true })
    expect((await keysOf(id)).other).toBeNull()
  })

  test('is forgotten with its server', async () => {
    const { id } = await readyServer()
    await planServerKeyRotation({ operationId: await rotation(id) })
    await markServerRemoved(db, id)
    expect(await serverKeyRotationOf(db, keyring, id)).toBeNull()
  })
})
