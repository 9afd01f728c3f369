import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

const script = new URL('../../../drivers/services/laravel/workers.sh', import.meta.url).pathname
const patiently = { timeout: 20_000, interval: 10 }

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'workers-'))
  await writeFile(join(root, 'log'), '')
})
afterEach(() => rm(root, { recursive: true, force: true }))

const log = async () => (await readFile(join(root, 'log'), 'utf8')).split('\n').filter(Boolean)
const begun = async () => (await log()).filter((line) => line.startsWith('begun')).length

/** Keeps three processes of this shell script; `ended` is the exit code. */
function workers(command: string) {
  const child = spawn('sh', [script, '3', 'sh', '-c', `echo "begun $$" >>"$ROOT/log"; ${command}`], { env: { ...process.env, ROOT: root }, stdio: 'inherit' })
  return { child, ended: once(child, 'exit').then(([code]) => code as number) }
}

it('keeps as many as are wished for, and passes TERM on: each finishes what it has', async () => {
  const { child, ended } = workers('trap "echo asked >>$ROOT/log; sleep 0.3; echo finished >>$ROOT/log; exit 0" TERM; while :; do sleep 0.05; done')
  await vi.waitUntil(async () => (await begun()) === 3, patiently)
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
  expect((await log()).filter((line) => line === 'finished')).toHaveLength(3)
  expect(await begun()).toBe(3)
})

it('starts one that ends by itself again, and leaves the others alone', async () => {
  const { child, ended } = workers('trap "exit 0" TERM; i=0; while [ ! -e "$ROOT/end" ] || ! mv "$ROOT/end" "$ROOT/taken" 2>/dev/null; do sleep 0.05; done')
  await vi.waitUntil(async () => (await begun()) === 3, patiently)
  await writeFile(join(root, 'end'), '')
  await vi.waitUntil(async () => (await begun()) === 4, patiently)
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
  expect(await begun()).toBe(4)
})

it('ends all where one fails at once, so that Docker sees it', async () => {
  const failing = 'if mkdir "$ROOT/first" 2>/dev/null; then until [ "$(grep -c ready "$ROOT/log")" = 2 ]; do sleep 0.05; done; exit 3; fi'
  const { ended } = workers(`${failing}; trap "echo finished >>$ROOT/log; exit 0" TERM; echo ready >>$ROOT/log; while :; do sleep 0.05; done`)
  expect(await ended).toBe(1)
  expect((await log()).filter((line) => line === 'finished')).toHaveLength(2)
})
