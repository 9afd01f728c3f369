import type { OperationChanges } from '../db/operation-changes.ts'
import type { Operation } from '../db/operations/request.ts'
import type { LogCursor } from '../domain/log-cursor.ts'
import { hasEnded } from '../domain/operations.ts'
import { encodeEvent, quietEvent } from './event-stream.ts'
import type { OperationFeed } from './operation-feed.ts'
import { watchOperation, type OperationWatch } from './operation-watch.ts'

interface Viewing {
  feed: OperationFeed
  changes: OperationChanges
  /** Ends the events. */
  signal: AbortSignal
  from: LogCursor
}

/**
 * The whole tree whenever it changed, new output behind the cursor, and `end` once the operation has ended and all of its output
 * is told.
 */
export async function* operationEvents(
  operation: Operation,
  { feed, changes, signal, from }: Viewing,
): AsyncGenerator<Uint8Array> {
  const watch = await watchOperation(changes, operation.rootId, signal)
  try {
    yield* follow(operation, { feed, watch, from })
  } finally {
    watch.end()
  }
}

interface Following {
  feed: OperationFeed
  watch: OperationWatch
  from: LogCursor
}

/**
 * The tree is read before the output: what has ended by then has no output that comes later. Output of a step that began in between
 * is told after a tree that has this step.
 */
async function* follow(operation: Operation, { feed, watch, from }: Following): AsyncGenerator<Uint8Array> {
  let cursor = from
  let told: Uint8Array = new Uint8Array()
  const ifNew = (bytes: Uint8Array): Uint8Array[] => (Buffer.compare(told, bytes) === 0 ? [] : [(told = bytes)])
  for (let since = performance.now(); ; ) {
    const tree = await feed.tree(operation, since)
    yield* ifNew(tree.bytes)
    let known = tree.stepIds
    for (let isBehind = true; isBehind; ) {
      const page = await feed.logs(operation, cursor, tree.done)
      if (page.stepIds.some((stepId) => !known.has(stepId))) {
        const newer = await feed.tree(operation, page.done)
        yield* ifNew(newer.bytes)
        known = newer.stepIds
      }
      if (page.bytes.length > 0) yield page.bytes
      cursor = page.cursor
      // A page that others have read before may have had nothing behind it then.
      isBehind = page.hasMore || page.began < tree.done
    }
    if (hasEnded(tree.status)) return yield encodeEvent({ event: 'end', data: { status: tree.status } })
    const change = await watch.next()
    if (change.what === 'closed') return
    if (change.what === 'quiet') yield quietEvent
    since = change.at
  }
}
