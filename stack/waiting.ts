import { setTimeout as pause } from 'node:timers/promises'

/** Asks every 50 ms until the answer is yes. Returns false when it was still no after `seconds`. */
export async function becomes(ask: () => Promise<boolean>, seconds: number): Promise<boolean> {
  const end = Date.now() + seconds * 1000
  while (!(await ask())) {
    if (Date.now() > end) return false
    await pause(50)
  }
  return true
}
