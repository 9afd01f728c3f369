import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { dirname } from 'node:path'

export const root = dirname(dirname(import.meta.dirname))

/** Runs a package's program or a script with our Node, its words on our terminal. Returns its exit code. */
export async function runNode(argv: readonly string[]): Promise<number> {
  const [code] = await once(spawn(process.execPath, argv, { cwd: root, stdio: 'inherit' }), 'close')
  return Number(code ?? 1)
}

/** The same for what it writes to stdout. */
export async function outputOfNode(argv: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, argv, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  return text(child.stdout)
}
