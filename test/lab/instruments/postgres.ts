import { z } from 'zod'
import type { LookedAt } from './looked-at.ts'

/** A database in a Postgres container of a server. */
export interface DatabaseOnServer {
  container: string
  database: string
}

const rowsSchema = z.array(z.record(z.string(), z.unknown()))

/** The rows of a query, asked as the superuser. Throws a CommandError with Postgres's own message. */
export async function sqlInPostgres(server: LookedAt, { container, database }: DatabaseOnServer, query: string) {
  const asJson = `select coalesce(json_agg(row), '[]') from (${query}) as row`
  const psql = ['psql', '--no-psqlrc', '--tuples-only', '--no-align', '--username', 'postgres']
  const argv = ['docker', 'exec', container, ...psql, '--dbname', database, '--command', asJson]
  return rowsSchema.parse(JSON.parse(await server.exec(argv)))
}

const migrationsSchema = z.array(z.object({ migration: z.string(), batch: z.number() }))

/** The migrations that Laravel has recorded, in their order: each should be there once. */
export async function migrationsRan(server: LookedAt, database: DatabaseOnServer) {
  return migrationsSchema.parse(await sqlInPostgres(server, database, 'select migration, batch from migrations order by id'))
}
