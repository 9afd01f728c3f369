import { fileURLToPath } from 'node:url'
import { migrate as apply } from 'drizzle-orm/postgres-js/migrator'
import { connect } from './connect.ts'

const folder = fileURLToPath(new URL('./migrations', import.meta.url))

/** Brings the database to the newest schema; safe to run from several processes at once. */
export async function migrate(databaseUrl: string): Promise<void> {
  const { db, sql, close } = connect(databaseUrl, 2)
  const lock = await sql.reserve()
  try {
    await lock`select pg_advisory_lock(hashtext('keystone.migrate'))`
    await apply(db, { migrationsFolder: folder })
  } finally {
    lock.release()
    await close()
  }
}
