import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { freePort } from '../setup/free-port.ts'

/** The API as it is started in production. */
export interface ApiProcess {
  url: string
  /** Its log so far. */
  lines: readonly string[]
  errors(): string
  /** Exit code and signal. */
  exited: Promise<unknown[]>
  kill(signal: NodeJS.Signals): void
}

interface Wish {
  databaseUrl: string
  keyFile: string
  /** A free one unless told. */
  port?: number
}

/** Starts it, and returns when it serves or has ended. Temporal is away. */
export async function startApi({ databaseUrl, keyFile, port }: Wish): Promise<ApiProcess> {
  const ownPort = String(port ?? (await freePort()))
  const env = { PATH: process.env.PATH, DATABASE_URL: databaseUrl, TEMPORAL_ADDRESS: '127.0.0.1:1', KEYSTONE_KEY_FILE: keyFile, KEYSTONE_API_PORT: ownPort }
  const child = spawn(process.execPath, ['--import', 'tsx', 'api/server.ts'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const lines: string[] = []
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      if (line.includes('api ready')) resolve()
    })
  })
  await Promise.race([ready, exited])
  return { url: `http://127.0.0.1:${ownPort}`, lines, errors: () => errors, exited, kill: (signal) => void child.kill(signal) }
}
