import { sql } from 'drizzle-orm'
import type { OperationId } from '../../domain/ids.ts'
import type { Database } from '../connect.ts'

/** Tells watchers that something of this root operation's tree has changed; what, they read themselves. */
export async function notifyOperation(db: Database, rootId: OperationId): Promise<void> {
  await db.execute(sql`select pg_notify('keystone_operation', ${rootId})`)
}

/** Tells dispatchers that a push waits to be settled. */
export async function notifyPushes(db: Database): Promise<void> {
  await db.execute(sql`select pg_notify('keystone_push', '')`)
}
