import { appendFile, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { followErrors } from '../../stack/supervision/error-log.ts'
import { becomes } from '../../stack/waiting.ts'

test('tells errors that are written from now on, whole lines only, and nothing less than an error', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'keystone-log-')), 'log')
  await writeFile(path, '')
  const told: string[] = []
  const unfollow = followErrors(path, (line) => told.push(line))
  const error = JSON.stringify({ level: 50, msg: 'cannot dispatch', err: { message: 'größer' } })
  await appendFile(path, `not JSON\n{"level":30,"msg":"fine"}\n${error.slice(0, 20)}`)
  await appendFile(path, `${error.slice(20)}\n`)
  expect(await becomes(async () => told.length > 0, 10)).toBe(true)
  expect(told).toEqual(['cannot dispatch: größer'])
  unfollow()
})
