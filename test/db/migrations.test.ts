import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import { createTestDatabase } from '../database.ts'

const run = promisify(execFile)
const database = await createTestDatabase()
afterAll(database.close)

const migrations = 'db/migrations'

test('the checked-in migrations are what the schema says: nothing is left to generate', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keystone-migrations-'))
  try {
    await cp(migrations, folder, { recursive: true })
    const schema = ['--dialect', 'postgresql', '--schema', './db/schema/index.ts', '--out', relative('.', folder)]
    const { stdout } = await run('node_modules/.bin/drizzle-kit', ['generate', ...schema])
    expect(stdout).toContain('No schema changes')
    expect((await readdir(folder)).toSorted()).toEqual((await readdir(migrations)).toSorted())
  } finally {
    await rm(folder, { recursive: true })
  }
}, 60_000)

test('every migration file is in the journal, and was applied', async () => {
  const files = (await readdir(migrations)).filter((file) => file.endsWith('.sql'))
  expect(await database.sql`select from drizzle.__drizzle_migrations`).toHaveLength(files.length)
})

test('migrating again, by several processes at once, changes nothing', async () => {
  const tables = () => database.sql`select table_name, column_name, data_type from information_schema.columns where table_schema = 'public' order by 1, 2`
  const before = await tables()
  await Promise.all([1, 2, 3].map(() => migrate(database.url)))
  expect(await tables()).toEqual(before)
  expect(before.length).toBeGreaterThan(100)
})

test('migrations of an empty database are applied once, however many processes begin at once', async () => {
  const empty = await createTestDatabase()
  try {
    await empty.sql`drop schema public cascade`
    await empty.sql`drop schema drizzle cascade`
    await empty.sql`create schema public`
    await Promise.all([1, 2, 3].map(() => migrate(empty.url)))
    expect(await empty.sql`select from operations`).toEqual([])
  } finally {
    await empty.close()
  }
})
