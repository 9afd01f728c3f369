import { execFile } from 'node:child_process'
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Ports } from '../../stack/ports.ts'
import { isAlive } from '../../stack/process-identity.ts'
import { becomes } from '../../stack/waiting.ts'
import { kill, processesOf, type StackProcess, startStack } from './stack-process.ts'

let dataDir: string
let started: StackProcess[]

/** A folder that only its owner may enter, as one below /root. */
beforeEach(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), 'keystone-stack-')), 'data')
  started = []
})

afterEach(async () => {
  for (const stack of started) stack.process.kill('SIGKILL')
  await Promise.all(started.map(({ ended }) => ended))
  await Promise.all(Object.values(await processesOf(dataDir)).map(kill))
  const postgres = await realpath(join(dataDir, 'postgres')).catch(() => dataDir)
  await rm(postgres, { recursive: true, force: true, maxRetries: 10 })
  await rm(join(dataDir, '..'), { recursive: true, force: true })
})

function start(): StackProcess {
  const stack = startStack(dataDir)
  started.push(stack)
  return stack
}

const ready = (stack: StackProcess) => stack.line('Keystone is ready')
const ports = async (): Promise<Ports> => JSON.parse(await readFile(join(dataDir, 'ports.json'), 'utf8'))
const isLive = async (name: string) => Object.keys(await processesOf(dataDir)).includes(name)

async function tokenShown(stack: StackProcess): Promise<string> {
  return /ks_\S+/.exec(await stack.line("owner's token"))![0]
}

async function organisations(token: string): Promise<string[]> {
  const url = `http://127.0.0.1:${(await ports()).api}/organisations`
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  const { items } = (await answer.json()) as { items: { name: string }[] }
  return items.map(({ name }) => name)
}

async function recovered(email: string): Promise<string> {
  const env = { ...process.env, KEYSTONE_DATA_DIR: dataDir }
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'stack/recover.ts', email], { env })
  return /ks_\w+/.exec(stdout)![0]
}

const answers = (port: number) => fetch(`http://127.0.0.1:${port}/readyz`).then(({ ok }) => ok, () => false)

test('Ctrl-C ends all of it; the next start goes on with the same data and shows no token', { timeout: 300_000 }, async () => {
  const first = start()
  await ready(first)
  const token = await tokenShown(first)
  expect(await organisations(token)).toEqual(['default'])
  const { temporalUi } = await ports()
  expect((await fetch(`http://127.0.0.1:${temporalUi}`)).ok).toBe(true)

  const processes = Object.values(await processesOf(dataDir))
  expect(processes).toHaveLength(4)
  first.process.kill('SIGINT')
  first.process.kill('SIGINT')
  expect(await first.ended).toBe(0)
  expect(await Promise.all(processes.map(isAlive))).toEqual([false, false, false, false])

  const second = start()
  await ready(second)
  expect(second.said.join()).not.toContain('ks_')
  expect(await organisations(token)).toEqual(['default'])
  expect(await organisations(await recovered('owner@localhost'))).toEqual(['default'])
})

test('after kill -9 the next start ends what is left of the last one and goes on with the same data', { timeout: 300_000 }, async () => {
  const first = start()
  await ready(first)
  const token = await tokenShown(first)
  first.process.kill('SIGKILL')
  await first.ended
  const orphans = Object.values(await processesOf(dataDir))
  expect(await Promise.all(orphans.map(isAlive))).toEqual([true, true, true, true])

  const second = start()
  await ready(second)
  expect(second.said.filter((line) => /Ending the (worker|api|temporal|postgres) of an earlier run/.test(line))).toHaveLength(4)
  expect(await Promise.all(orphans.map(isAlive))).toEqual([false, false, false, false])
  expect(await organisations(token)).toEqual(['default'])

  second.process.kill('SIGKILL')
  await Promise.all(Object.values(await processesOf(dataDir)).map(kill))
  await second.ended
  await ready(start())
  expect(await organisations(token)).toEqual(['default'])
})

test('who dies is started again, and nobody else starts on the same data', { timeout: 300_000 }, async () => {
  const stack = start()
  await ready(stack)
  const other = start()
  expect(await other.ended).toBe(1)
  expect(other.said.join()).toContain('runs already')

  const { api, workerMetrics } = await ports()
  for (const [name, port] of Object.entries({ worker: workerMetrics, temporal: workerMetrics, postgres: api, api })) {
    await kill((await processesOf(dataDir))[name])
    await stack.line(`${name} ended (SIGKILL)`)
    expect(await becomes(() => isLive(name), 30)).toBe(true)
    expect(await becomes(() => answers(port), 60)).toBe(true)
  }
})
