import type { OperationId } from '../../domain/ids.ts'
import type { Database } from '../connect.ts'
import { notifyOperation, notifyPushes } from './notify.ts'

/** Tells those who watch an operation that something was added to it. */
export type Notices = (rootId: OperationId) => void

/** Tells those who settle pushes that there is one. */
export type PushNotices = () => void

const quietMilliseconds = 100

/**
 * For what happens often, such as output: at most one NOTIFY per operation and 100 ms (design section 10), the last of which
 * comes after the last call. One that fails is not repeated: whoever watches also looks by himself.
 */
export function createNotices(db: Database): Notices {
  return rarely((rootId) => notifyOperation(db, rootId))
}

/** The same for pushes. Transactions that notify are committed one by one, so storing a delivery is none of them. */
export function createPushNotices(db: Database): PushNotices {
  const tell = rarely(() => notifyPushes(db))
  return () => tell(null)
}

function rarely<About>(tell: (about: About) => Promise<void>): (about: About) => void {
  const due = new Set<About>()
  return (about) => {
    if (due.has(about)) return
    due.add(about)
    setTimeout(() => {
      due.delete(about)
      tell(about).catch(() => {})
    }, quietMilliseconds)
  }
}
