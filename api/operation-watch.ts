import { setTimeout as sleep } from 'node:timers/promises'
import type { OperationChanges } from '../db/operation-changes.ts'
import type { OperationId } from '../domain/ids.ts'

export interface OperationWatch {
  /** Waits for the next change, at least 100 ms and at most 15 s; `closed` once the signal is aborted. */
  next(): Promise<'changed' | 'quiet' | 'closed'>
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
  let isChanged = false
  let resume = () => {}
  const wake = () => {
    isChanged = true
    resume()
  }
  const unsubscribe = await changes.subscribe(rootId, wake)
  signal.addEventListener('abort', wake, { once: true })
  return {
    async next() {
      await sleep(pauseMilliseconds)
      if (!isChanged && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, quietMilliseconds - pauseMilliseconds)
          resume = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      const wasChanged = isChanged
      isChanged = false
      if (signal.aborted) return 'closed'
      return wasChanged ? 'changed' : 'quiet'
    },
    end() {
      unsubscribe()
      signal.removeEventListener('abort', wake)
    },
  }
}
