import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { SshError } from '../../../drivers/ssh/errors.ts'
import type { SshPool, StepOutcome } from '../../../drivers/ssh/remote.ts'
import type { TestServer } from '../lab.ts'
import { createStepLog } from './step-log.ts'

interface Reboots {
  server: TestServer
  pool: SshPool
  rounds: number
}

const callers = 8

/**
 * Reboots the server again and again while steps are started on it all the time, each tried again until it ends: so that launches
 * are cut off wherever they can be. Returns how many steps ended, and what was said of those that did not end well.
 */
export async function stepsThroughReboots({ server, pool, rounds }: Reboots): Promise<{ ended: number; wrong: string[] }> {
  const wrong: string[] = []
  let ended = 0
  let isOver = false
  const call = async () => {
    while (!isOver) {
      const outcome = await untilItEnds(pool, server).catch((error: unknown) => String(error))
      ended += 1
      if (typeof outcome === 'string' || outcome.exitCode !== 0) wrong.push(JSON.stringify(outcome))
    }
  }
  const calls = Promise.all(Array.from({ length: callers }, call))
  try {
    for (let round = 0; round < rounds; round += 1) await server.reboot()
  } finally {
    isOver = true
    await calls
  }
  return { ended, wrong }
}

/** Rejects with the first error after which Keystone would not try again. */
async function untilItEnds(pool: SshPool, server: TestServer): Promise<StepOutcome> {
  const hash = randomBytes(6).toString('hex')
  const step = { hash, order: 1, name: 'Go on', user: 'keystone' as const, script: 'sleep 0.05', inputs: {}, secrets: {}, files: [] }
  const log = createStepLog()
  for (;;) {
    try {
      return await pool.to(server.target).step(step, log.observer())
    } catch (error) {
      if (!(error instanceof SshError && error.retryable)) throw error
      await pause(20 + Math.random() * 300)
    }
  }
}
