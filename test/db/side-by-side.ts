import { expect } from 'vitest'
import type { Sql } from '../../db/connect.ts'

/** Waits until so many transactions of this database wait for each other's locks, as Postgres itself says. */
export async function waiting(sql: Sql, count: number): Promise<void> {
  const waiters = () => sql`select from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0`
  await expect.poll(async () => (await waiters()).length, { interval: 10, timeout: 10_000 }).toBe(count)
}

export interface Gate {
  isOpen: Promise<void>
  open(): void
}

/** What one side waits at until the other opens it. */
export function gate(): Gate {
  let open = () => {}
  const isOpen = new Promise<void>((resolve) => {
    open = resolve
  })
  return { isOpen, open: () => open() }
}
