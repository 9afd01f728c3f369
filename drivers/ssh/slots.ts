import { unlessAborted } from './abort.ts'

/** A counted number of places, given out in the order in which they were asked for. */
interface Slots {
  /** Waits for a free place and answers with the function that gives it back. Throws the signal's reason. */
  take(signal?: AbortSignal): Promise<() => void>
  isIdle(): boolean
}

export function createSlots(size: number, onIdle: () => void): Slots {
  let used = 0
  const waiting: (() => void)[] = []
  const leave = () => {
    const next = waiting.shift()
    if (next) return next()
    used -= 1
    if (used === 0) onIdle()
  }
  const enter = () => {
    if (used === size) return new Promise<void>((resolve) => waiting.push(resolve))
    used += 1
    return Promise.resolve()
  }
  return {
    isIdle: () => used === 0,
    async take(signal) {
      const entered = enter()
      try {
        await unlessAborted(entered, signal)
      } catch (aborted) {
        void entered.then(leave)
        throw aborted
      }
      return once(leave)
    },
  }
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    action()
  }
}
