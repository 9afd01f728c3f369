import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { connect, type Connection } from '../db/connect.ts'

export interface TestDatabase extends Connection {
  url: string
  /** Ends the connections and drops the database, also where others are still connected. */
  close(): Promise<void>
}

/** A migrated database of its own, empty but for what migrations put there. Close it in `afterAll`. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const url = (database: string) => inject('postgres').replace('{database}', database)
  const name = `test_${randomBytes(6).toString('hex')}`
  await statement(url('postgres'), `create database ${name} template template`)
  const connection = connect(url(name))
  return {
    ...connection,
    url: url(name),
    async close() {
      await connection.close()
      await statement(url('postgres'), `drop database ${name} with (force)`)
    },
  }
}

async function statement(databaseUrl: string, text: string): Promise<void> {
  const { sql, close } = connect(databaseUrl, 1)
  try {
    await sql.unsafe(text)
  } finally {
    await close()
  }
}
