import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { identify, isAlive, processIdentity } from '../process-identity.ts'
import type { Say } from '../say.ts'
import { becomes } from '../waiting.ts'

/** What ends each process in an orderly way, in the order in which they are ended: nobody loses what it still needs. */
export const stopSignals = { worker: 'SIGTERM', api: 'SIGTERM', temporal: 'SIGTERM', postgres: 'SIGINT' } as const

export type ProcessName = keyof typeof stopSignals

export const stopOrder: readonly ProcessName[] = ['worker', 'api', 'temporal', 'postgres']

const endSeconds = 30

/** Where a stack keeps what its processes are and what they say. */
export interface ProcessFiles {
  log(name: ProcessName): string
  endOfLog(name: ProcessName): Promise<string>
  remember(name: ProcessName, pid: number): Promise<void>
  forget(name: ProcessName): Promise<void>
  /** Ends the processes of a stack that was killed itself. A later process with the pid of an earlier one is left alone. */
  endOrphans(say: Say): Promise<void>
}

/** Opens them below `folder`; the logs of the run before stay as `<name>.previous.log`. */
export async function openProcessFiles(folder: string): Promise<ProcessFiles> {
  const [identities, logs] = [join(folder, 'processes'), join(folder, 'logs')]
  const identityOf = (name: ProcessName) => join(identities, `${name}.json`)
  const log = (name: ProcessName) => join(logs, `${name}.log`)
  for (const path of [identities, logs]) await mkdir(path, { recursive: true, mode: 0o700 })
  for (const name of stopOrder) await rename(log(name), join(logs, `${name}.previous.log`)).catch(() => {})
  const forget = (name: ProcessName) => rm(identityOf(name), { force: true })
  return {
    log,
    endOfLog: async (name) => (await readFile(log(name), 'utf8').catch(() => '')).trimEnd().split('\n').slice(-15).join('\n'),
    async remember(name, pid) {
      const unfinished = `${identityOf(name)}.unfinished`
      await writeFile(unfinished, JSON.stringify(await identify(pid)))
      await rename(unfinished, identityOf(name))
    },
    forget,
    async endOrphans(say) {
      for (const name of stopOrder) {
        await endOrphan(identityOf(name), name, say)
        await forget(name)
      }
    },
  }
}

async function endOrphan(path: string, name: ProcessName, say: Say): Promise<void> {
  const identity = processIdentity.nullable().catch(null).parse(parsed(await readFile(path, 'utf8').catch(() => 'null')))
  if (!identity || !(await isAlive(identity))) return
  say(`Ending the ${name} of an earlier run (pid ${identity.pid})`)
  const hasEnded = async () => !(await isAlive(identity))
  for (const signal of [stopSignals[name], 'SIGKILL'] as const) {
    signalled(identity.pid, signal)
    if (await becomes(hasEnded, endSeconds)) return
  }
  throw new Error(`the ${name} of an earlier run does not end: end process ${identity.pid}`)
}

/** Fine where it has just ended by itself. */
function signalled(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
