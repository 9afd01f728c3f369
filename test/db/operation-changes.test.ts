import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../db/connect.ts'
import { requireListen } from '../../db/operation-changes.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

const notificationResponse = 'A'.charCodeAt(0)

/** Passes messages of Postgres on but for notifications, as a proxy loses them that gives the session to others. */
function withoutNotifications(to: Socket): (bytes: Buffer) => void {
  let pending = Buffer.alloc(0)
  return (bytes) => {
    pending = Buffer.concat([pending, bytes])
    while (pending.length >= 5 && pending.length >= 1 + pending.readUInt32BE(1)) {
      const end = 1 + pending.readUInt32BE(1)
      if (pending[0] !== notificationResponse) to.write(pending.subarray(0, end))
      pending = pending.subarray(end)
    }
  }
}

/** A proxy before the test's database; its address. */
async function openPoolingProxy(): Promise<{ url: string; proxy: Server }> {
  const direct = new URL(database.url)
  const url = new URL(database.url)
  const proxy = createServer((client) => {
    const upstream = connectTcp(Number(direct.port), direct.hostname)
    client.pipe(upstream)
    upstream.on('data', withoutNotifications(client))
    upstream.on('end', () => client.end())
    for (const socket of [client, upstream]) socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  url.port = String((proxy.address() as AddressInfo).port)
  return { url: url.href, proxy }
}

describe('the check that LISTEN works', () => {
  it('passes on Postgres itself', () => requireListen(database.sql))

  it('fails behind a proxy that pools by transaction, and says what to use instead', async () => {
    const { url, proxy } = await openPoolingProxy()
    const { sql, close } = connect(url, 1)
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
    await expect(requireListen(sql, 0.5)).rejects.toThrow('use Postgres itself, or a proxy that pools by session')
    await close()
    proxy.close()
  })
})
