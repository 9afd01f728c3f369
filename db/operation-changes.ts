import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OperationId } from '../domain/ids.ts'
import type { Sql } from './connect.ts'

/** Tells who watches an operation that something of its tree has changed, whichever process changed it. */
export interface OperationChanges {
  /** Calls `wake` from when it returns on; the answer ends that. Notifications may come in bursts. */
  subscribe(rootId: OperationId, wake: () => void): Promise<() => void>
}

/** One LISTEN for the whole process, begun with the first subscriber; everybody is woken when it had to begin anew. */
export function createOperationChanges(sql: Sql): OperationChanges {
  const wakes = new Map<string, Set<() => void>>()
  const wakeAll = () => wakes.forEach((ofOne) => ofOne.forEach((wake) => wake()))
  const wakeOf = (rootId: string) => wakes.get(rootId)?.forEach((wake) => wake())
  let listening: Promise<unknown> | null = null
  const listen = () =>
    sql.listen('keystone_operation', wakeOf, wakeAll).catch((error: unknown) => {
      listening = null
      throw error
    })
  return {
    async subscribe(rootId, wake) {
      await (listening ??= listen())
      const ofOne = wakes.get(rootId) ?? new Set()
      wakes.set(rootId, ofOne.add(wake))
      return () => {
        ofOne.delete(wake)
        if (ofOne.size === 0 && wakes.get(rootId) === ofOne) wakes.delete(rootId)
      }
    },
  }
}

/** Throws where LISTEN hears nothing: a proxy that pools by transaction gives the session to others (design section 10). */
export async function requireListen(sql: Sql, timeoutSeconds = 10): Promise<void> {
  const channel = `keystone_check_${randomUUID().replaceAll('-', '')}`
  const { promise: heard, resolve } = promised()
  const { unlisten } = await sql.listen(channel, resolve)
  await sql.notify(channel, '')
  const isHeard = await Promise.race([heard.then(() => true), sleep(timeoutSeconds * 1000, false, { ref: false })])
  await unlisten()
  if (!isHeard) {
    throw new Error('LISTEN does not work on this database connection: use Postgres itself, or a proxy that pools by session')
  }
}

function promised(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil
  })
  return { promise, resolve }
}
