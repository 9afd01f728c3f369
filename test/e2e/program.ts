import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { until } from '../lab/until.ts'

/** The program dies when our end of its stdin closes: it never outlives a test run, however that ends. */
const tether = 'exec 3<&0; "$@" <&- 3<&- & child=$!; echo $child; { read -r _; kill -9 $child; } <&3 2>/dev/null & wait $child'

const root = new URL('../..', import.meta.url).pathname

/** A process of Keystone that a test may kill and start again. */
export interface Program {
  /** Resolves when /readyz says yes. */
  start(): Promise<void>
  /** Sends a signal and waits for the end; fine where it has ended already. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** All that it ever said. */
  output(): string
}

/** `entry` is a file of the project; `url` where it answers. */
export function createProgram(entry: string, { env, url }: { env: Record<string, string>; url: string }): Program {
  let output = ''
  let running: { pid: number; ended: Promise<unknown> } | null = null
  return {
    async start() {
      const argv = ['-c', tether, 'sh', process.execPath, '--import', 'tsx', entry]
      const child = spawn('/bin/sh', argv, { cwd: root, env: { ...process.env, ...env } })
      const ended = once(child, 'exit').finally(() => child.stdin.end())
      child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()))
      const lines = createInterface(child.stdout)
      const [pid] = await once(lines, 'line')
      lines.on('line', (line) => (output += `${line}\n`))
      running = { pid: Number(pid), ended }
      const isReady = () => fetch(`${url}/readyz`).then(({ ok }) => ok, () => false)
      const gone = ended.then(() => Promise.reject(new Error(`${entry} ended before it was ready`)))
      await Promise.race([until(`${entry} to be ready`, isReady), gone]).catch((error: unknown) => {
        throw new Error(`${String(error)}; it said:\n${output.slice(-4000)}`)
      })
    },
    async end(signal) {
      if (!running) return
      const { pid, ended } = running
      running = null
      process.kill(pid, signal)
      await ended
    },
    output: () => output,
  }
}
