import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import type { Say } from './say.ts'

const tool = 'github.com/temporalio/cli/cmd/temporal'

/** Builds the Temporal CLI of the Go module in `folder` to `path`. Throws an error that says what to do. */
export async function buildTemporalCli(folder: string, path: string, say: Say): Promise<void> {
  const began = Date.now()
  const seconds = () => Math.round((Date.now() - began) / 1000)
  say('Building the Temporal CLI: once on this machine, about 4 minutes on two cores')
  const progress = setInterval(() => say(`Still building the Temporal CLI (${seconds()} s)`), 30_000)
  const argv = ['build', '-mod=readonly', '-ldflags=-s -w', '-o', path, tool]
  const child = spawn('go', argv, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  const end = () => child.kill()
  process.once('exit', end)
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL)
  let words = ''
  child.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-2000)))
  try {
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`go build of the Temporal CLI failed (${code}):\n${words}`)
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    if (!isMissing) throw cause
    throw new Error('There is no Temporal CLI and no Go to build it: install one of them, or set TEMPORAL_ADDRESS', { cause })
  } finally {
    clearInterval(progress)
    process.off('exit', end)
  }
}
