import { LRUCache } from 'lru-cache'
import pLimit from 'p-limit'

/** What many people look at, as bytes that all of them are sent. */
export interface Shareable {
  bytes: Uint8Array
  /** Whether it is true at any later time, too. */
  isLasting: boolean
}

/** What was read, and when: milliseconds of `performance.now()`. */
export type Reading<Value> = Value & { began: number; done: number }

/** Reads that are shared by who asks for the same. */
export interface SharedReads<Value extends Shareable> {
  /** What `load` answers, or has answered somebody who asked for this key: lasting, or read from this moment on. */
  read(key: string, since: number, load: () => Promise<Value>): Promise<Reading<Value>>
}

interface Room {
  /** Of what was read last. */
  mostBytes: number
  /** Loads at the same time: who only looks leaves connections of the database to who changes something. */
  mostAtOnce: number
}

/** So that a hundred viewers of one operation cost the database as much as one, and their memory is one's. */
export function createSharedReads<Value extends Shareable>({ mostBytes, mostAtOnce }: Room): SharedReads<Value> {
  const kept = new LRUCache<string, Reading<Value>>({ maxSize: mostBytes, sizeCalculation: ({ bytes }) => bytes.length + 1 })
  const underWay = new Map<string, { asked: number; reading: Promise<Reading<Value>> }>()
  const inTurn = pLimit(mostAtOnce)
  const begin = (key: string, load: () => Promise<Value>) => {
    const reading = inTurn(async () => {
      const began = performance.now()
      const read = { ...(await load()), began, done: performance.now() }
      kept.set(key, read)
      return read
    }).finally(() => underWay.delete(key))
    underWay.set(key, { asked: performance.now(), reading })
    return reading
  }
  return {
    async read(key, since, load) {
      for (;;) {
        const known = kept.get(key)
        if (known && (known.isLasting || known.began >= since)) return known
        const other = underWay.get(key)
        if (!other) return begin(key, load)
        if (other.asked >= since) return other.reading
        // It may be too old, or fail: then it is read anew.
        await other.reading.catch(() => {})
      }
    },
  }
}
