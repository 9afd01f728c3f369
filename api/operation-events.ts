import type { OperationChanges } from '../db/operation-changes.ts'
import { readLogs } from '../db/operation-logs.ts'
import { operationTree } from '../db/operation-views.ts'
import type { Operation } from '../db/operations/request.ts'
import { type LogCursor, writeCursor } from '../domain/log-cursor.ts'
import { hasEnded } from '../domain/operations.ts'
import type { ApiDependencies } from './context.ts'
import { watchOperation, type OperationWatch } from './operation-watch.ts'
import { presentTree } from './schemas/operation.ts'

/** Server-sent events of an operation; `id` is what a client that comes back sends as Last-Event-ID. */
export interface OperationEvent {
  event: 'operation' | 'logs' | 'end' | 'quiet'
  id?: string
  data: unknown
}

interface Viewing {
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
  deps: ApiDependencies,
  operation: Operation,
  viewing: Viewing,
): AsyncGenerator<OperationEvent> {
  const watch = await watchOperation(viewing.changes, operation.rootId, viewing.signal)
  try {
    yield* follow(deps, operation, watch, viewing.from)
  } finally {
    watch.end()
  }
}

/** The tree is read before the output: what has ended by then has no output that comes later. */
async function* follow(
  { db, temporal }: ApiDependencies,
  operation: Operation,
  watch: OperationWatch,
  from: LogCursor,
): AsyncGenerator<OperationEvent> {
  let cursor = from
  let told = ''
  for (;;) {
    const tree = presentTree(await operationTree(db, operation), temporal)
    const text = JSON.stringify(tree)
    if (text !== told) yield { event: 'operation', data: tree }
    told = text
    for (let hasMore = true; hasMore; ) {
      const page = await readLogs(db, operation.id, cursor)
      if (page.chunks.length > 0) yield { event: 'logs', id: writeCursor(page.cursor), data: page.chunks }
      cursor = page.cursor
      hasMore = page.hasMore
    }
    if (hasEnded(tree.status)) return yield { event: 'end', data: { status: tree.status } }
    const change = await watch.next()
    if (change === 'closed') return
    if (change === 'quiet') yield { event: 'quiet', data: null }
  }
}
