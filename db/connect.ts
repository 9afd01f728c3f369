import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import * as schema from './schema/index.ts'

/** The driver, for what drizzle does not do. */
export type Sql = postgres.Sql
/** A database, or a transaction of one: every query takes either. */
export type Database = PostgresJsDatabase<typeof schema>

/** A pool of connections; `close` waits for running statements, 5 s at most. */
export interface Connection {
  db: Database
  /** The driver itself, for LISTEN. */
  sql: Sql
  close(): Promise<void>
  queries(): number
}

/** Connects to Postgres 18 with at most `connections` connections. `queries()` counts statements, for benchmarks and reports. */
export function connect(databaseUrl: string, connections = 10): Connection {
  let queries = 0
  const sql = postgres(databaseUrl, { max: connections, onnotice: () => {} })
  const db = drizzle(sql, { schema, logger: { logQuery: () => void queries++ } })
  return { db, sql, close: () => sql.end({ timeout: 5 }), queries: () => queries }
}
