import { Problem } from './problem.ts'

/** Everybody who watches an operation through this process. */
export interface Viewers {
  /** Throws a 503 that says when to come again. */
  refuseWhenFull(): void
  /** Counts one more until the events have ended; `cutOff` ends his connection. */
  watching(events: AsyncIterable<Uint8Array>, cutOff: () => void): AsyncGenerator<Uint8Array>
}

interface House {
  most: number
  /** Aborted when the process is about to end. */
  closing: AbortSignal
}

const retryAfterSeconds = 5
/** What a stream still has to tell when the process is about to end; who does not take it in this time is let go of. */
const lastSeconds = 2

export function createViewers({ most, closing }: House): Viewers {
  const present = new Set<() => void>()
  const clear = () => setTimeout(() => present.forEach((cutOff) => cutOff()), lastSeconds * 1000).unref()
  closing.addEventListener('abort', clear, { once: true })
  return {
    refuseWhenFull() {
      if (present.size < most) return
      const detail = `${most} viewers watch operations here already: come again in ${retryAfterSeconds} s, or read the logs in pages.`
      throw new Problem(503, 'too_many_viewers', detail, { headers: { 'retry-after': String(retryAfterSeconds) } })
    },
    // In the generator and not before: one that is never read is never ended, either.
    async *watching(events, cutOff) {
      present.add(cutOff)
      try {
        yield* events
      } finally {
        present.delete(cutOff)
      }
    },
  }
}
