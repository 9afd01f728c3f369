import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LabServer } from '../server.ts'

/** What an instrument needs of a server: to look at it past Keystone. */
export type LookedAt = Pick<LabServer, 'container' | 'exec'>

export type Exec = LookedAt['exec']

interface ScriptInput {
  args?: readonly string[]
  input?: string
}

/** The argv that runs a bash script of this folder; `shared.sh` comes before it. */
export async function scriptArgv(name: string, args: readonly string[] = []): Promise<string[]> {
  const files = ['shared.sh', `${name}.sh`].map((file) => readFile(join(import.meta.dirname, file), 'utf8'))
  const [shared, script] = await Promise.all(files)
  return ['bash', '-c', `${shared}\n${script}`, name, ...args]
}

/** Runs a bash script of this folder by `exec`; returns its stdout. Throws a CommandError. */
export async function runScript(exec: Exec, name: string, { args = [], input = '' }: ScriptInput = {}): Promise<string> {
  return exec(await scriptArgv(name, args), { input })
}
