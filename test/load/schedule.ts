import { setImmediate, setTimeout } from 'node:timers'

/**
 * Calls `start` so often a second until it is stopped, whatever becomes of what was started: the schedule never waits. Moments
 * are in milliseconds of `performance.now()`; a late start is told its scheduled moment.
 */
export function everySecond(times: number, start: (index: number, scheduledAt: number) => void): { stop(): void } {
  const begun = performance.now()
  const momentOf = (index: number) => begun + (index * 1000) / times
  let index = 0
  let isStopped = false
  const startDue = () => {
    if (isStopped) return
    const now = performance.now()
    for (; momentOf(index) <= now; index++) start(index, momentOf(index))
    // Started in the check phase: what the kernel knows of closed connections has been read by then.
    setTimeout(() => setImmediate(startDue), momentOf(index) - now)
  }
  setImmediate(startDue)
  return { stop: () => void (isStopped = true) }
}
