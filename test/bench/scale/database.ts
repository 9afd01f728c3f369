import { setTimeout as pause } from 'node:timers/promises'
import { connect } from '../../../db/connect.ts'

/** An operation that did not end well. */
export interface Unsuccessful {
  summary: string
  status: string
  failure: { code: string; message: string } | null
}

/**
 * Keystone's database, looked at from outside. Waiting for two hundred operations over the API would have it send their whole trees at
 * every change, which is not what is measured here.
 */
export interface ObservedDatabase {
  /** Waits for these operations, and returns those that did not succeed. */
  ended(operationIds: readonly string[]): Promise<Unsuccessful[]>
  /** Waits until so many replicas of these operations run. */
  started(operationIds: readonly string[], replicas: number): Promise<void>
  /** Operations whose workflow was lost, as a worker's end must not have it. */
  recoveries(): Promise<number>
  /** What looks at servers took for drift, whether it is over or not. */
  differences(): Promise<number>
  /** Connections of everybody but this one. */
  connections(): Promise<number>
  close(): Promise<void>
}

const everyMilliseconds = 250

type Counted = readonly { count?: number }[]

const counted = async (query: PromiseLike<Counted>): Promise<number> => (await query)[0]?.count ?? 0

export function observeDatabase(databaseUrl: string): ObservedDatabase {
  const { sql, close } = connect(databaseUrl, 1)
  const hasEnded = sql`status in ('succeeded', 'failed', 'cancelled', 'superseded')`
  const until = async (query: () => Promise<Counted>, least: number) => {
    while ((await counted(query())) < least) await pause(everyMilliseconds)
  }
  return {
    async ended(ids) {
      await until(() => sql`select count(*)::int from operations where id = any(${[...ids]}) and ${hasEnded}`, ids.length)
      return sql<Unsuccessful[]>`select summary, status, failure from operations where id = any(${[...ids]}) and status <> 'succeeded'`
    },
    started: (ids, replicas) =>
      until(
        () => sql`
          select count(*)::int from operations
          where root_id = any(${[...ids]}) and kind = 'replica_deploy' and status = 'succeeded'`,
        replicas,
      ),
    recoveries: () => counted(sql`select count(*)::int from operations where kind = 'operation_recover'`),
    differences: () => counted(sql`select count(*)::int from drift_findings`),
    connections: () =>
      counted(sql`
        select count(*)::int from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`),
    close,
  }
}
