import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import ssh2 from 'ssh2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { generateDeployKey } from '../../../drivers/sources/deploy-key.ts'
import { createSshPool } from '../../../drivers/ssh/pool.ts'
import type { ServerTarget } from '../../../drivers/ssh/remote.ts'

const hostKey = generateDeployKey('host')
const [present, next] = [generateDeployKey('present'), generateDeployKey('next')]
const blobOf = ({ publicKey }: { publicKey: string }) => Buffer.from(publicKey.split(' ')[1]!, 'base64')

/** Public keys that are let in. */
let keys = [present]
const open = new Set<ssh2.Connection>()
/** What was shown, attempt by attempt. */
const shown: string[] = []

const server = new ssh2.Server({ hostKeys: [hostKey.privateKey.reveal()] }, (client) => {
  open.add(client)
  client.on('error', () => {})
  client.on('close', () => open.delete(client))
  client.on('authentication', (attempt) => {
    const { method } = attempt
    const key = method === 'publickey' ? keys.find((one) => blobOf(one).equals(attempt.key.data)) : undefined
    shown.push(method === 'publickey' ? attempt.key.data.toString('base64') : method)
    if (key) attempt.accept()
    else attempt.reject(['publickey'])
  })
  client.on('session', (accept) =>
    accept().on('exec', (acceptExec) => {
      const channel = acceptExec()
      channel.exit(0)
      channel.end()
    }),
  )
})

const pool = createSshPool({ idleCloseSeconds: 60, keepaliveSeconds: 5, connectTimeoutSeconds: 5 })
let target: ServerTarget

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const place = { serverId: 's1', name: 's1', address: '127.0.0.1', port, user: 'keystone' }
  target = { ...place, hostKey: hostKey.publicKey.split(' ').slice(0, 2).join(' '), privateKey: present.privateKey }
})
afterAll(async () => {
  await pool.close()
  server.close()
})

const by = ({ privateKey }: { privateKey: Secret }) => ({ ...target, privateKey })

test('whether a key is let in is asked with that key alone', async () => {
  expect([await pool.isLetIn(by(present)), await pool.isLetIn(by(next))]).toEqual([true, false])
  expect(new Set(shown)).toEqual(new Set(['none', blobOf(present).toString('base64'), blobOf(next).toString('base64')]))
})

test('a server that cannot be asked, or is another one, is no refusal', async () => {
  await expect(pool.isLetIn({ ...by(next), port: 1 })).rejects.toMatchObject({ code: 'unreachable' })
  await expect(pool.isLetIn({ ...by(next), hostKey: next.publicKey })).rejects.toMatchObject({ code: 'host_key_changed' })
})

test('the connection of a key that is forgotten is closed, and the next one has to be let in anew', async () => {
  await pool.to(by(present)).command(['true'])
  const [connection] = open
  const closed = once(connection!, 'close')
  keys = [next]
  expect(await pool.to(by(present)).command(['true'])).toMatchObject({ exitCode: 0 })
  await pool.forget(by(present))
  await closed
  await expect(pool.to(by(present)).command(['true'])).rejects.toMatchObject({ code: 'authentication_failed' })
  expect(await pool.to(by(next)).command(['true'])).toMatchObject({ exitCode: 0 })
})
