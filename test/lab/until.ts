import { setTimeout as pause } from 'node:timers/promises'

/** Asks every 50 ms until the answer is yes. Throws an error that names what was waited for after `seconds`. */
export async function until(what: string, ask: () => Promise<boolean>, seconds = 120): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!(await ask())) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s in vain for ${what}`)
    await pause(50)
  }
}
