import { EventEmitter, once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { Answer } from './answer.ts'

/** What launch.sh keeps in a step's folder: the output of its run, and how that ended. Here a step never vanishes, so it has one run. */
export interface Step {
  run: number
  out: Buffer
  err: Buffer
  exitCode: number | null
  result: string
  /** Emits `change` when something was written, and when it ended. */
  changes: EventEmitter
  stopping: AbortController
}

/** By step.sh's rule: the exit code of a step that was stopped. */
const stoppedExitCode = 143

const newStep = (): Step => ({
  ...{ run: 1, out: Buffer.alloc(0), err: Buffer.alloc(0), exitCode: null, result: '' },
  ...{ changes: new EventEmitter().setMaxListeners(0), stopping: new AbortController() },
})

interface Script {
  milliseconds: number
  /** Printed at once. */
  prints: string
  /** Never throws. */
  answer: () => Promise<Answer>
}

/** Starts a step that takes so long; the first half of its output comes in the middle. */
export function startStep(script: Script): Step {
  const step = newStep()
  void run(step, script)
  return step
}

async function run(step: Step, { milliseconds, prints, answer }: Script): Promise<void> {
  const half = milliseconds / 2
  try {
    if (prints !== '') write(step, { out: prints })
    await pause(half, undefined, step.stopping)
    write(step, { out: 'Working\n' })
    await pause(half, undefined, step.stopping)
  } catch {
    return // stopped
  }
  const { out = '', err = '', result = '', exitCode = 0 } = await answer()
  if (step.exitCode !== null) return
  write(step, { out, err })
  end(step, exitCode, result)
}

function write(step: Step, { out = '', err = '' }: Pick<Answer, 'out' | 'err'>): void {
  step.out = Buffer.concat([step.out, Buffer.from(out)])
  step.err = Buffer.concat([step.err, Buffer.from(err)])
  step.changes.emit('change')
}

function end(step: Step, exitCode: number, result: string): void {
  step.exitCode = exitCode
  step.result = result
  step.changes.emit('change')
}

/** Ends a step for good: one that runs, one that was never begun (null), or none any more where it has ended. Returns it. */
export function stopStep(step: Step | null): Step {
  const stopped = step ?? newStep()
  stopped.stopping.abort()
  if (stopped.exitCode === null) end(stopped, stoppedExitCode, '')
  return stopped
}

/** The bytes of a stream from there on, until the step ends. Throws when the signal is aborted. */
export async function* written(step: Step, stream: 'out' | 'err', from: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  for (let offset = from; ; ) {
    const fresh = step[stream].subarray(offset)
    offset += fresh.length
    if (fresh.length > 0) yield fresh
    else if (step.exitCode !== null) return
    else await once(step.changes, 'change', { signal })
  }
}
