import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { isLock, takeLock } from '../../stack/lock.ts'
import { identify, isAlive } from '../../stack/process-identity.ts'

let path: string
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'keystone-lock-')), 'lock')
})

const taken = async () => {
  const lock = await takeLock(path)
  if (!isLock(lock)) throw new Error(`process ${lock.pid} has it`)
  return lock
}

test('one takes it, the next one hears who has it, until it is released', async () => {
  const lock = await taken()
  expect(await takeLock(path)).toEqual({ pid: process.pid })
  await lock.release()
  await taken()
})

test('the lock of a process that was killed is free', async () => {
  const module = JSON.stringify(new URL('../../stack/lock.ts', import.meta.url).href)
  const program = `const { takeLock } = await import(${module}); await takeLock(${JSON.stringify(path)}); console.log('taken'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  expect(await takeLock(path)).toEqual({ pid: child.pid })
  child.kill('SIGKILL')
  await once(child, 'exit')
  await taken()
})

test('of many who want it at once one gets it', async () => {
  const all = await Promise.all(Array.from({ length: 100 }, () => takeLock(path)))
  expect(all.filter(isLock)).toHaveLength(1)
})

test('a process is alive only with the start it was known by', async () => {
  const us = await identify(process.pid)
  expect(await isAlive(us!)).toBe(true)
  expect(await isAlive({ ...us!, start: '1' })).toBe(false)
})
