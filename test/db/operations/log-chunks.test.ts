import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { readLogs } from '../../../db/operation-logs.ts'
import { appendLog, type LogPiece, logTail, startStep, storedPosition } from '../../../db/operations/steps.ts'
import { logStart } from '../../../domain/log-cursor.ts'
import type { OperationId } from '../../../domain/ids.ts'
import { createTestDatabase } from '../../database.ts'
import { operation } from '../rows.ts'

const database = await createTestDatabase()
const { db } = database
afterAll(database.close)

async function newStep(): Promise<{ id: OperationId; stepId: string }> {
  const { id } = await operation(db)
  return { id, stepId: await startStep(db, { operationId: id, order: 10, name: 'build', serverId: null, user: 'keystone', script: '' }) }
}

const piece = (stepId: string, text: string, rawOffset: number, values: Partial<LogPiece> = {}): LogPiece => {
  const bytes = Buffer.from(text)
  return { stepId, run: 1, stream: 'out', rawOffset, rawLength: bytes.length, bytes, ...values }
}

/** All that a reader gets, in pages of `limit`. */
async function readAll(id: OperationId, limit = 2): Promise<string[]> {
  const texts: string[] = []
  for (let page = await readLogs(db, id, logStart, limit); ; page = await readLogs(db, id, page.cursor, limit)) {
    texts.push(...page.chunks.map(({ text }) => text))
    if (!page.hasMore) return texts
  }
}

describe('output', () => {
  test('is stored where it continues what is stored, and read in order', async () => {
    const { id, stepId } = await newStep()
    expect(await storedPosition(db, stepId)).toBeNull()
    expect(await appendLog(db, piece(stepId, 'one ', 0))).toBe(true)
    expect(await appendLog(db, piece(stepId, 'warning ', 0, { stream: 'err' }))).toBe(true)
    expect(await appendLog(db, piece(stepId, 'two ', 4))).toBe(true)
    expect(await storedPosition(db, stepId)).toEqual({ run: 1, out: 8, err: 8 })
    expect(await readAll(id)).toEqual(['one ', 'warning ', 'two '])
  })

  test('counts the raw bytes that it stands for, not the masked ones', async () => {
    const { stepId } = await newStep()
    await appendLog(db, piece(stepId, '[secret]', 0, { rawLength: 40 }))
    expect(await storedPosition(db, stepId)).toMatchObject({ out: 40 })
    expect(await appendLog(db, piece(stepId, 'next', 40))).toBe(true)
  })

  test.each([
    ['again from the start', 0],
    ['from the middle', 4],
    ['behind a gap', 20],
  ])('that is sent %s is refused and changes nothing', async (_, rawOffset) => {
    const { id, stepId } = await newStep()
    await appendLog(db, piece(stepId, 'one two ', 0))
    expect(await appendLog(db, piece(stepId, 'other', rawOffset))).toBe(false)
    expect(await readAll(id)).toEqual(['one two '])
  })

  test('of a run after a reboot begins anew beside that of the run before, and the position is the newest run', async () => {
    const { id, stepId } = await newStep()
    await appendLog(db, piece(stepId, 'before the reboot', 0))
    expect(await appendLog(db, piece(stepId, 'after', 0, { run: 2 }))).toBe(true)
    expect(await storedPosition(db, stepId)).toEqual({ run: 2, out: 5, err: 0 })
    expect(await readAll(id)).toEqual(['before the reboot', 'after'])
  })

  test('keeps bytes as they are, NUL and broken UTF-8 too', async () => {
    const { stepId } = await newStep()
    const bytes = Uint8Array.from([0, 255, 0xc3, 10])
    await appendLog(db, { ...piece(stepId, '', 0), bytes, rawLength: 4 })
    const [stored] = await database.sql`select bytes from operation_log_chunks where step_id = ${stepId}`
    expect(Uint8Array.from(stored!.bytes)).toEqual(bytes)
  })

  test('ends in the last bytes of what the newest run printed, then of its errors', async () => {
    const { stepId } = await newStep()
    await appendLog(db, piece(stepId, 'of the run before the reboot', 0))
    await appendLog(db, piece(stepId, 'building\n', 0, { run: 2 }))
    await appendLog(db, piece(stepId, 'no such file\n', 0, { run: 2, stream: 'err' }))
    expect(await logTail(db, stepId)).toBe('building\nno such file\n')
    expect(await logTail(db, stepId, 10)).toBe('ding\nfile\n')
    expect(await logTail(db, stepId, 18)).toBe('building\nuch file\n')
  })

  test('that never came ends in nothing', async () => {
    const { stepId } = await newStep()
    expect(await logTail(db, stepId)).toBe('')
  })
})

/** Reads a stream as a worker does: from what is stored, in pieces of its own, starting over where another was quicker. */
async function follow(stepId: string, raw: Buffer, sizes: readonly number[]): Promise<void> {
  for (let turn = 0; ; turn += 1) {
    const { out } = (await storedPosition(db, stepId)) ?? { out: 0 }
    if (out >= raw.length) return
    const bytes = raw.subarray(out, out + sizes[turn % sizes.length]!)
    await appendLog(db, { stepId, run: 1, stream: 'out', rawOffset: out, rawLength: bytes.length, bytes })
  }
}

test('however several readers cut the same output, every byte is stored once', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 })
  const readers = fc.array(sizes, { minLength: 2, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 40 }), readers, async (raw, all) => {
      const { stepId } = await newStep()
      await Promise.all(all.map((reader) => follow(stepId, Buffer.from(raw), reader)))
      const chunks = await database.sql`select bytes from operation_log_chunks where step_id = ${stepId} order by raw_offset`
      expect(Buffer.concat(chunks.map(({ bytes }) => bytes))).toEqual(Buffer.from(raw))
    }),
    { numRuns: 15 },
  )
})
