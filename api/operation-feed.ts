import { readLogs } from '../db/operation-logs.ts'
import { operationTree } from '../db/operation-views.ts'
import type { Operation } from '../db/operations/request.ts'
import { type LogCursor, writeCursor } from '../domain/log-cursor.ts'
import type { OperationStatus } from '../domain/operations.ts'
import type { ApiDependencies } from './context.ts'
import { encodeEvent } from './event-stream.ts'
import { presentTree } from './schemas/operation.ts'
import { createSharedReads, type Reading, type Shareable } from './shared-reads.ts'

interface ToldTree extends Shareable {
  status: OperationStatus
  /** All of the tree's. */
  stepIds: ReadonlySet<string>
}

interface ToldLogs extends Shareable {
  /** Where the next page begins. */
  cursor: LogCursor
  hasMore: boolean
  /** Whose output it is, each of them maybe several times. */
  stepIds: readonly string[]
}

/** Events of operations as bytes; who asks for the same gets the same, read at `since` (of `performance.now()`) or later. */
export interface OperationFeed {
  /** The event `operation`. */
  tree(operation: Operation, since: number): Promise<Reading<ToldTree>>
  /** The event `logs` of the page behind a cursor; no bytes where there is none. */
  logs(operation: Operation, cursor: LogCursor, since: number): Promise<Reading<ToldLogs>>
}

/** For all viewers of a process together. */
const room = {
  trees: { mostBytes: 4 * 1024 * 1024, mostAtOnce: 2 },
  pages: { mostBytes: 8 * 1024 * 1024, mostAtOnce: 4 },
}

export function createOperationFeed({ db, temporal }: Pick<ApiDependencies, 'db' | 'temporal'>): OperationFeed {
  const trees = createSharedReads<ToldTree>(room.trees)
  const pages = createSharedReads<ToldLogs>(room.pages)
  return {
    tree: (operation, since) =>
      trees.read(operation.id, since, async () => {
        const data = presentTree(await operationTree(db, operation), temporal)
        return { bytes: encodeEvent({ event: 'operation', data }), isLasting: false, status: data.status, stepIds: new Set(stepIdsOf(data)) }
      }),

    logs: (operation, from, since) =>
      pages.read(`${operation.id} ${writeCursor(from)}`, since, async () => {
        const { chunks, cursor, hasMore } = await readLogs(db, operation.id, from)
        const isLasting = chunks.length > 0
        const bytes = isLasting ? encodeEvent({ event: 'logs', id: writeCursor(cursor), data: chunks }) : new Uint8Array()
        return { bytes, isLasting, cursor, hasMore, stepIds: chunks.map(({ stepId }) => stepId) }
      }),
  }
}

const stepIdsOf = ({ steps, children }: ReturnType<typeof presentTree>): string[] => [...steps.map(({ id }) => id), ...children.flatMap(stepIdsOf)]
