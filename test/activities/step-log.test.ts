import { afterAll, describe, expect, test } from 'vitest'
import { createStepLog, LogOvertaken } from '../../activities/step-log.ts'
import { startStep, storedPosition } from '../../db/operations/steps.ts'
import { createRedaction } from '../../domain/redaction.ts'
import { createTestDatabase } from '../database.ts'
import { operation } from '../db/rows.ts'

const database = await createTestDatabase()
const { db, sql } = database
afterAll(database.close)

const secret = 'hunter2-hunter2'
const redaction = createRedaction([secret])
const chunk = (text: string, offset: number, run = 1, stream: 'out' | 'err' = 'out') => ({ run, stream, offset, bytes: Buffer.from(text) })

async function newStep(): Promise<string> {
  const { id } = await operation(db)
  return startStep(db, { operationId: id, order: 10, name: 'build', serverId: null, user: 'keystone', script: '' })
}

const open = async (stepId: string) => createStepLog(db, stepId, { redaction, stored: await storedPosition(db, stepId) })

async function output(stepId: string, run = 1, stream = 'out'): Promise<string> {
  const rows = await sql`select bytes from operation_log_chunks where step_id = ${stepId} and run = ${run} and stream = ${stream} order by raw_offset`
  return Buffer.concat(rows.map(({ bytes }) => bytes)).toString()
}

describe('the log of a step', () => {
  test('masks a secret however it is cut, and stores its beginning only once it is known to be none', async () => {
    const stepId = await newStep()
    const log = await open(stepId)
    await log.take(chunk('password hunt', 0))
    expect(await output(stepId)).toBe('password ')
    await log.take(chunk('er2-hunter2 and hunter', 13))
    await log.end()
    expect(await output(stepId)).toBe('password [secret] and hunter')
  })

  test('keeps the streams apart', async () => {
    const stepId = await newStep()
    const log = await open(stepId)
    await log.take(chunk('hunter2-', 0))
    await log.take(chunk('hunter2 to err', 0, 1, 'err'))
    await log.take(chunk('hunter2', 8))
    await log.end()
    expect([await output(stepId), await output(stepId, 1, 'err')]).toEqual(['[secret]', 'hunter2 to err'])
  })

  test('is gone on with by the next worker from what is stored: no byte is lost, doubled or shown unmasked', async () => {
    const raw = `before ${secret} after`
    for (let cut = 1; cut < raw.length; cut += 1) {
      const stepId = await newStep()
      await (await open(stepId)).take(chunk(raw.slice(0, cut), 0))
      const out = (await storedPosition(db, stepId))?.out ?? 0
      const next = await open(stepId)
      await next.take(chunk(raw.slice(out), out))
      await next.end()
      expect(await output(stepId)).toBe('before [secret] after')
    }
  })

  test('says that another reader has stored further, and stores nothing then', async () => {
    const stepId = await newStep()
    const [one, other] = [await open(stepId), await open(stepId)]
    await one.take(chunk('one two ', 0))
    await expect(other.take(chunk('one ', 0))).rejects.toThrow(LogOvertaken)
    expect(await output(stepId)).toBe('one two ')
  })

  test('stores what was held back of a run when the next one begins after a reboot', async () => {
    const stepId = await newStep()
    const log = await open(stepId)
    await log.take(chunk('first run hunter', 0))
    await log.take(chunk('second run', 0, 2))
    await log.end()
    expect([await output(stepId), await output(stepId, 2)]).toEqual(['first run hunter', 'second run'])
  })

  test('can be ended twice, and without output', async () => {
    const stepId = await newStep()
    const log = await open(stepId)
    await log.end()
    await log.end()
    expect(await storedPosition(db, stepId)).toBeNull()
  })
})
