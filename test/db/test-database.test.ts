import { afterAll, expect, test } from 'vitest'
import { createTestDatabase } from '../database.ts'

const first = await createTestDatabase()
const second = await createTestDatabase()
afterAll(() => Promise.all([first.close(), second.close()]))

test('every test database is migrated and its own', async () => {
  await first.sql`insert into users (email, name) values ('only@first.example', 'Only')`
  expect(await first.sql`select email from users`).toHaveLength(1)
  expect(await second.sql`select email from users`).toHaveLength(0)
})
