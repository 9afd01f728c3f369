import { execFile } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { releaseLock, takeLock } from '../../stack/lock.ts'
import { identify, isAlive } from '../../stack/process-identity.ts'

let path: string
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'keystone-lock-')), 'lock')
})

test('one takes it, the next one hears who has it, until it is released', async () => {
  expect(await takeLock(path)).toBeNull()
  expect(await takeLock(path)).toEqual(await identify(process.pid))
  await releaseLock(path)
  expect(await takeLock(path)).toBeNull()
})

test('the lock of a process that has ended counts for nothing, also where its pid was given to another', async () => {
  const child = execFile('sleep', ['60'])
  const identity = await identify(child.pid!)
  await writeFile(path, JSON.stringify(identity))
  expect(await takeLock(path)).toEqual(identity)
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
  expect(await takeLock(path)).toBeNull()
  await writeFile(path, JSON.stringify({ pid: process.pid, start: 'earlier' }))
  expect(await takeLock(path)).toBeNull()
})

test('of many who find a stale lock one gets it', async () => {
  await writeFile(path, JSON.stringify({ pid: process.pid, start: 'earlier' }))
  const taken = await Promise.all(Array.from({ length: 20 }, () => takeLock(path)))
  expect(taken.filter((holder) => holder === null)).toHaveLength(1)
})

test('a process is alive only with the start it was known by', async () => {
  const us = await identify(process.pid)
  expect(await isAlive(us!)).toBe(true)
  expect(await isAlive({ ...us!, start: '1' })).toBe(false)
})
