import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { ensureOwner } from '../../db/owner.ts'
import type { OperationId, OrganisationId } from '../../domain/ids.ts'
import { ensureKeyFile } from '../../drivers/secrets/key-file.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'
import { operation } from '../db/rows.ts'
import { type ApiProcess, startApi } from './api-process.ts'
import { lineBytes, printedOutput } from './live/output.ts'
import { openViewer, type Viewer } from './live/viewer.ts'

/** Viewer, API and worker in three processes: this one sees, `api/server.ts` tells, `live/writer.ts` writes as the worker does. */
let database: TestDatabase
let folder: string
let api: ApiProcess
let token: string
let operationId: OperationId
let organisationId: OrganisationId
const writers: ChildProcess[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'keystone-live-'))
  await ensureKeyFile(join(folder, 'keys.json'))
  token = (await ensureOwner(database.db))!.reveal()
  const [organisation] = await database.sql`select id from organisations`
  organisationId = organisation!.id as OrganisationId
  api = await start()
})
beforeEach(async () => {
  operationId = (await operation(database.db, { organisationId })).id
})
afterAll(async () => {
  for (const writer of writers) writer.kill('SIGKILL')
  api.kill('SIGKILL')
  await api.exited
  await database.close()
  await rm(folder, { recursive: true })
})

const megabyte = 1_000_000
const writerProgram = new URL('live/writer.ts', import.meta.url).pathname
const linesOf = (megabytes: number) => (megabytes * megabyte) / lineBytes

const start = (port?: number) => startApi({ databaseUrl: database.url, keyFile: join(folder, 'keys.json'), ...(port === undefined ? {} : { port }) })

/** Begins or goes on with a step that prints so much in all. */
function write(megabytes: number): { child: ChildProcess; exited: Promise<unknown[]> } {
  const argv = ['--import', 'tsx', writerProgram, database.url, operationId, String(linesOf(megabytes))]
  const child = spawn(process.execPath, argv, { stdio: 'inherit' })
  writers.push(child)
  return { child, exited: once(child, 'exit') }
}

const view = (output: string, wish: { lastEventId?: string | undefined; seen?: number; read?: (answer: IncomingMessage) => AsyncIterable<Buffer> } = {}): Viewer =>
  openViewer({ url: `${api.url}/organisations/${organisationId}/operations/${operationId}/events`, token, output, ...wish })

/** Memory of the API, MiB: the most that was resident, and the least that was held at any moment, which is without what only waits to be collected. */
interface Memory {
  resident: number
  held: number
}

/** Looks again and again, until `stop`. */
function observeMemory(): { stop(): Promise<Memory> } {
  const over = new AbortController()
  const observe = async () => {
    let seen: Memory = { resident: 0, held: Infinity }
    while (!over.signal.aborted) {
      const now = await memoryNow()
      seen = { resident: Math.max(seen.resident, now.resident), held: Math.min(seen.held, now.held) }
      await pause(50)
    }
    return seen
  }
  const seen = observe()
  return {
    stop: () => {
      over.abort()
      return seen
    },
  }
}

/** On a connection of its own: one that is kept may be closed just then. */
async function memoryNow(): Promise<Memory> {
  const text = await (await fetch(`${api.url}/metrics`, { headers: { connection: 'close' } })).text()
  const megabytes = (name: string) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1]) / 2 ** 20
  return {
    resident: megabytes('process_resident_memory_bytes'),
    held: megabytes('nodejs_heap_size_used_bytes') + megabytes('nodejs_external_memory_bytes'),
  }
}

/** Takes 10 KB a second for as long as `isPatient`, then nothing until `resumed`, and then everything. */
const slowly = ({ isPatient, resumed }: { isPatient: () => boolean; resumed: Promise<void> }) =>
  async function* (answer: IncomingMessage): AsyncGenerator<Buffer> {
    while (isPatient()) {
      const piece = answer.read(10_000) as Buffer | null
      if (piece) yield piece
      await pause(1000)
    }
    await resumed
    yield* answer
  }

const seenBy = (viewers: readonly Viewer[], megabytes: number) =>
  expect.poll(() => Math.min(...viewers.map(({ seen }) => seen())), { timeout: 60_000 }).toBeGreaterThan(megabytes * megabyte)

async function everythingIsSeen(viewers: readonly Viewer[], output: string): Promise<void> {
  await Promise.all(viewers.map(({ ended }) => ended))
  for (const { seen, wrong } of viewers) expect([seen(), wrong]).toEqual([output.length, []])
}

it('tells 50 MB of output to everybody, however slow some are, and does not grow', async () => {
  // What is kept for all viewers together has its size after this.
  const small = printedOutput(linesOf(12))
  const warming = observeMemory()
  await Promise.all([write(12).exited, everythingIsSeen(Array.from({ length: 8 }, () => view(small)), small)])
  const warm = await warming.stop()

  operationId = (await operation(database.db, { organisationId })).id
  const output = printedOutput(linesOf(50))
  const began = performance.now()
  let resume = () => {}
  const resumed = new Promise<void>((resolve) => (resume = resolve))
  const isPatient = () => performance.now() - began < 5000
  const stopped = Array.from({ length: 4 }, () => view(output, { read: slowly({ isPatient, resumed }) }))
  const quick = Array.from({ length: 6 }, () => view(output))
  const leaver = view(output)
  const beginning = observeMemory()
  const { exited } = write(50)
  await seenBy([leaver], 10)
  leaver.leave()
  const [seen, lastEventId] = [leaver.seen(), leaver.lastEventId()]
  await seenBy(quick, 20)
  const first = await beginning.stop()
  const end = observeMemory()
  const late = [view(output), view(output, { seen, lastEventId })]
  expect(await exited).toEqual([0, null])
  await everythingIsSeen([...quick, ...late], output)
  for (const viewer of stopped) expect(viewer.seen()).toBeLessThan(10 * megabyte)
  const last = await end.stop()
  resume()
  await everythingIsSeen(stopped, output)
  // Half of the log, kept once. Kept for each of those who take nothing it would be 200 MB; measured were 10 to 13.
  expect(last.held - warm.held).toBeLessThan(25)
  // Beside it V8 lets up to 64 MB of buffers lie before it collects them; measured were 60.
  expect(Math.max(first.resident, last.resident) - warm.resident).toBeLessThan(150)
}, 180_000)

it('is killed in the middle, and the next one goes on where each viewer was', async () => {
  const output = printedOutput(linesOf(8))
  const viewers = Array.from({ length: 4 }, () => view(output))
  const { exited } = write(8)
  await seenBy(viewers, 2)
  api.kill('SIGKILL')
  expect(await api.exited).toEqual([null, 'SIGKILL'])
  api = await start(Number(new URL(api.url).port))
  await everythingIsSeen(viewers, output)
  expect(await exited).toEqual([0, null])
  for (const { connections } of viewers) expect(connections()).toBeGreaterThan(1)
})

it('tells on what the next worker goes on with, when one was killed in the middle', async () => {
  const output = printedOutput(linesOf(8))
  const viewers = Array.from({ length: 4 }, () => view(output))
  const { child, exited } = write(8)
  await seenBy(viewers, 2)
  child.kill('SIGKILL')
  expect(await exited).toEqual([null, 'SIGKILL'])
  expect(await write(8).exited).toEqual([0, null])
  await everythingIsSeen(viewers, output)
  for (const { connections } of viewers) expect(connections()).toBe(1)
})

it('ends soon although somebody takes nothing, and everybody else comes back to the next one', async () => {
  const output = printedOutput(linesOf(8))
  let resume = () => {}
  const resumed = new Promise<void>((resolve) => (resume = resolve))
  const stopped = view(output, { read: slowly({ isPatient: () => false, resumed }) })
  const viewers = Array.from({ length: 2 }, () => view(output))
  const { exited } = write(8)
  await seenBy(viewers, 6)
  const asked = performance.now()
  api.kill('SIGTERM')
  expect(await api.exited).toEqual([0, null])
  expect(performance.now() - asked).toBeLessThan(10_000)
  api = await start(Number(new URL(api.url).port))
  resume()
  await everythingIsSeen([stopped, ...viewers], output)
  expect(await exited).toEqual([0, null])
})
