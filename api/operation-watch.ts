import { setTimeout as sleep } from 'node:timers/promises'
import type { OperationChanges } from '../db/operation-changes.ts'
import type { OperationId } from '../domain/ids.ts'

/** `at`: when it was heard of (milliseconds of `performance.now()`); what was read before may not have it. */
interface Change {
  what: 'changed' | 'quiet' | 'closed'
  at: number
}

export interface OperationWatch {
  /** Waits for the next change, at least 100 ms and at most 15 s; `closed` once the signal is aborted. */
  next(): Promise<Change>
  end(): void
}

/** However often an operation notifies, it is not read more often than this. */
const pauseMilliseconds = 100
/** A proxy takes a connection that is silent for longer to be dead. */
const quietMilliseconds = 15_000

/** Watches the tree of a root operation until `signal` aborts; no change between two calls of `next` is missed. */
export async function watchOperation(
  changes: OperationChanges,
  rootId: OperationId,
  signal: AbortSignal,
): Promise<OperationWatch> {
  let changedAt: number | null = null
  let resume = () => {}
  const wake = () => {
    changedAt = performance.now()
    resume()
  }
  const unsubscribe = await changes.subscribe(rootId, wake)
  signal.addEventListener('abort', wake, { once: true })
  return {
    async next() {
      await sleep(pauseMilliseconds)
      if (changedAt === null && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, quietMilliseconds - pauseMilliseconds)
          resume = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      const at = changedAt
      changedAt = null
      if (signal.aborted) return { what: 'closed', at: performance.now() }
      return at === null ? { what: 'quiet', at: performance.now() } : { what: 'changed', at }
    },
    end() {
      unsubscribe()
      signal.removeEventListener('abort', wake)
    },
  }
}
