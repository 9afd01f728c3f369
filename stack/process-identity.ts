import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { z } from 'zod'

const run = promisify(execFile)

/** A process as it is kept on disk; the start tells it from a later one that got the same pid. */
export const processIdentity = z.object({ pid: z.number().int().positive(), start: z.string() })
export type ProcessIdentity = z.infer<typeof processIdentity>

/** When a process started, in whatever form this system tells it; null when there is none, or only its exit code is left. */
async function startOf(pid: number): Promise<string | null> {
  if (!existsSync('/proc/self/stat')) {
    return run('ps', ['-o', 'lstart=', '-p', String(pid)]).then(({ stdout }) => stdout.trim(), () => null)
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? []
  return state === undefined || state === 'Z' ? null : (fields[18] ?? null)
}

/** The identity of a running process; null when it has ended already. */
export async function identify(pid: number): Promise<ProcessIdentity | null> {
  const start = await startOf(pid)
  return start === null ? null : { pid, start }
}

export async function isAlive({ pid, start }: ProcessIdentity): Promise<boolean> {
  return (await startOf(pid)) === start
}
