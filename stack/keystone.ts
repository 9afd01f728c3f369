import { dirname } from 'node:path'
import type { ProcessSpec } from './supervision/process.ts'

const root = dirname(import.meta.dirname)
const entries = { api: 'api/server.ts', worker: 'worker.ts' } as const

/**
 * MiB, far more than is needed: V8 lets a heap that may have gigabytes grow to four times of what lives in it before it collects, one
 * that may have so much to one and a half times. The SDK's cache of workflows goes by it, too.
 */
const heapLimitMb = 1024

/** The API or the worker as a process of its own; ready when it says so at `url`. */
export function keystoneProcess(name: keyof typeof entries, env: NodeJS.ProcessEnv, url: string): ProcessSpec {
  const isReady = () => fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2000) }).then(({ ok }) => ok, () => false)
  return { name, argv: [process.execPath, `--max-old-space-size=${heapLimitMb}`, '--import', 'tsx', entries[name]], cwd: root, env, isReady }
}

/** Where we reach who listens on `host`, which may stand for all addresses of this machine. */
export const urlOf = (host: string, port: number): string =>
  `http://${['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host}:${port}`
