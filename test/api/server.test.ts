import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ensureOwner } from '../../db/owner.ts'
import { ensureKeyFile } from '../../drivers/secrets/key-file.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'
import { startApi } from './api-process.ts'

let database: TestDatabase
let folder: string

beforeAll(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'keystone-api-'))
  await ensureKeyFile(join(folder, 'keys.json'))
})
afterAll(async () => {
  await database.close()
  await rm(folder, { recursive: true })
})

it('serves while Temporal is away, and ends at SIGTERM although somebody watches', async () => {
  const token = (await ensureOwner(database.db))!.reveal()
  const { kill, exited, lines, url } = await startApi({ databaseUrl: database.url, keyFile: join(folder, 'keys.json') })
  const headers = { authorization: `Bearer ${token}` }
  const ask = (path: string) => fetch(`${url}${path}`, { headers })
  expect((await ask('/readyz')).status).toBe(200)
  const [organisation] = ((await (await ask('/organisations')).json()) as { items: { id: string }[] }).items
  const [operation] = await database.sql`
    with new as (select uuidv7() as id)
    insert into operations (id, organisation_id, root_id, hash, kind, target_type, target_id, status, summary, trigger)
    select id, ${organisation!.id}, id, 'abcdefabcdef', 'server_provision', 'server', uuidv7(), 'running', 'provision', '{}' from new returning id`
  const events = await ask(`/organisations/${organisation!.id}/operations/${operation!.id}/events`)
  const stream = events.body!.pipeThrough(new TextDecoderStream())
  kill('SIGTERM')
  let told = ''
  for await (const text of stream) told += text
  expect(told).toContain('event: operation\n')
  expect(told).not.toContain('event: end\n')
  expect(await exited).toEqual([0, null])
  expect(lines.join('\n')).not.toContain(token)
})

it('says what is missing and does not start', async () => {
  const { exited, errors } = await startApi({ databaseUrl: database.url, keyFile: '' })
  expect(await exited).toEqual([1, null])
  expect(errors()).toContain('KEYSTONE_KEY_FILE is missing: set it to the file with the encryption keys')
})
