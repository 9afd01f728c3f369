import type { OperationId } from '../../domain/ids.ts'
import type { Database } from '../connect.ts'
import { notifyOperation } from './notify.ts'

/** Tells those who watch an operation that something was added to it. */
export type Notices = (rootId: OperationId) => void

const quietMilliseconds = 100

/**
 * For what happens often, such as output: at most one NOTIFY per operation and 100 ms (design section 10), the last of which
 * comes after the last call. One that fails is not repeated: whoever watches also looks by himself.
 */
export function createNotices(db: Database): Notices {
  const due = new Set<OperationId>()
  return (rootId) => {
    if (due.has(rootId)) return
    due.add(rootId)
    setTimeout(() => {
      due.delete(rootId)
      notifyOperation(db, rootId).catch(() => {})
    }, quietMilliseconds)
  }
}
