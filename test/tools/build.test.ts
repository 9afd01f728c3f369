import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { becomes } from '../../stack/waiting.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'
import { freePort } from '../setup/free-port.ts'
import { createTestTemporal, type TestTemporal } from '../temporal.ts'

const run = promisify(execFile)
let database: TestDatabase
let temporal: TestTemporal
const started: ChildProcess[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = await createTestTemporal()
  await run(process.execPath, ['--import', 'tsx', 'tools/build.ts'])
}, 300_000)

afterAll(async () => {
  for (const child of started) child.kill('SIGKILL')
  await temporal.close()
  await database.close()
})

test('what is built prepares its database, serves and works, wherever it is started, and ends on SIGTERM', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keystone-built-'))
  const [apiPort, workerPort] = [await freePort(), await freePort()]
  const env = {
    ...process.env,
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: temporal.target.address,
    TEMPORAL_NAMESPACE: temporal.target.namespace,
    KEYSTONE_KEY_FILE: join(folder, 'keys.json'),
    KEYSTONE_API_PORT: String(apiPort),
    KEYSTONE_WORKER_METRICS_PORT: String(workerPort),
  }
  const built = (entry: string) => join(process.cwd(), 'dist', entry)
  expect((await run(process.execPath, [built('stack/prepare.js')], { env, cwd: folder })).stdout).toMatch(/ks_/)
  expect((await run(process.execPath, [built('stack/prepare.js')], { env, cwd: folder })).stdout).not.toMatch(/ks_/)

  for (const [entry, port] of [['api/server.js', apiPort], ['worker.js', workerPort]] as const) {
    const child = spawn(process.execPath, [built(entry)], { env, cwd: folder, stdio: 'ignore' })
    started.push(child)
    const isReady = () => fetch(`http://127.0.0.1:${port}/readyz`).then(({ ok }) => ok, () => false)
    expect(await becomes(isReady, 60), entry).toBe(true)
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await ended, entry).toEqual([0, null])
  }
})
