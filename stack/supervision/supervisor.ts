import type { Say } from '../say.ts'
import { type ProcessSpec, supervise, type SupervisedProcess } from './process.ts'
import { type ProcessFiles, type ProcessName, stopOrder } from './process-files.ts'

/** Keeps the processes of a stack alive. */
export interface Supervisor {
  /** Starts a process and keeps it alive. Resolves when it is ready; throws with the end of its log where it never is. */
  run(spec: ProcessSpec): Promise<void>
  /** Ends all, one after the other, so that nobody loses what it still needs. */
  stop(): Promise<void>
}

/** `files` remembers the processes for the next start, `say` tells what becomes of them. */
export function createSupervisor(files: ProcessFiles, say: Say): Supervisor {
  const processes = new Map<ProcessName, SupervisedProcess>()
  let isStopped = false
  return {
    async run(spec) {
      if (isStopped) throw new Error(`${spec.name} is not started: all is ending`)
      const supervised = supervise(spec, { files, say })
      processes.set(spec.name, supervised)
      await supervised.ready()
    },
    async stop() {
      isStopped = true
      for (const name of stopOrder) await processes.get(name)?.stop()
    },
  }
}
