import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { choosePorts } from '../../stack/ports.ts'

let path: string
let taker: Server
let taken: number
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'keystone-ports-')), 'ports.json')
  taker = createServer().listen(0, '127.0.0.1')
  await once(taker, 'listening')
  taken = (taker.address() as { port: number }).port
})
afterEach(() => void taker.close())

test('moves off a port that is taken, says so, and remembers where it went', async () => {
  await writeFile(path, JSON.stringify({ temporal: taken }))
  const said: string[] = []
  const chosen = await choosePorts(path, null, (line) => said.push(line))
  expect(chosen.temporal).toBeGreaterThan(taken)
  expect(said).toContain(`Port ${taken} is taken: temporal goes to ${chosen.temporal}`)
  expect(await choosePorts(path, null, () => {})).toEqual(chosen)
  expect(new Set(Object.values(chosen)).size).toBe(5)
})

test('a port of the API that was asked for is used or refused, never another', async () => {
  await expect(choosePorts(path, taken, () => {})).rejects.toThrow(`port ${taken} is taken`)
  taker.close()
  await once(taker, 'close')
  expect((await choosePorts(path, taken, () => {})).api).toBe(taken)
})
