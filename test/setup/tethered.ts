import { spawn } from 'node:child_process'
import type { PostgresUser } from '../../stack/postgres/placement.ts'

/** The child ends when our end of its stdin closes, so that it never outlives a test run, however that ends. */
const tether = 'exec 3<&0; "$@" & child=$!; { read -r _; kill -"$SIGNAL" $child; } <&3 & wait $child'

export interface Tethered {
  stop(): Promise<void>
}

/** Starts `argv` and waits until it is `ready`; `signal` is what ends it. Throws with its last words where it ends before. */
export async function tethered(
  argv: readonly string[],
  { user = null, signal, ready }: { user?: PostgresUser; signal: 'INT' | 'TERM'; ready: () => Promise<boolean> },
): Promise<Tethered> {
  const child = spawn('/bin/sh', ['-c', tether, 'sh', ...argv], {
    ...user,
    cwd: '/',
    env: { ...process.env, SIGNAL: signal },
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let words = ''
  child.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-4000)))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  while (!(await ready())) {
    if (child.exitCode !== null) throw new Error(`${argv[0]} ended before it was ready:\n${words}`)
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50))])
  }
  return {
    async stop() {
      child.stdin.end()
      await ended
    },
  }
}
