import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LabServer } from '../server.ts'

/** What an instrument needs of a server: to look at it past Keystone. */
export type LookedAt = Pick<LabServer, 'container' | 'exec'>

type Exec = LookedAt['exec']

/** The argv that runs a bash script of this folder; `shared.sh` comes before it. */
export async function scriptArgv(name: string, args: readonly string[] = []): Promise<string[]> {
  const [shared, script] = await Promise.all(['shared.sh', `${name}.sh`].map((file) => readFile(join(import.meta.dirname, file), 'utf8')))
  return ['bash', '-c', `${shared}\n${script}`, name, ...args]
}

/** Runs a bash script of this folder by `exec`; returns its stdout. Throws a CommandError. */
export async function runScript(exec: Exec, name: string, { args = [], input = '' }: { args?: readonly string[]; input?: string } = {}) {
  return exec(await scriptArgv(name, args), { input })
}
