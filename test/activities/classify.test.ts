import { ApplicationFailure, CancelledFailure } from '@temporalio/activity'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { pino } from 'pino'
import { afterAll, describe, expect, test } from 'vitest'
import { classifyErrors } from '../../activities/classify.ts'
import { finalFailure, passingFailure } from '../../activities/failures.ts'
import { connect } from '../../db/connect.ts'
import { OperationEnded } from '../../db/operations/begin.ts'
import { CancelRequested } from '../../db/operations/commit.ts'
import { organisations } from '../../db/schema/index.ts'
import { SshError } from '../../drivers/ssh/errors.ts'
import { createTestDatabase } from '../database.ts'
import { freePort } from '../setup/free-port.ts'

const database = await createTestDatabase()
afterAll(database.close)

const lines: { msg: string; activity: string }[] = []
const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(JSON.parse(line)) })

/** An activity that does this, as the worker runs it. */
async function activity(work: () => unknown): Promise<unknown> {
  const environment = new MockActivityEnvironment({ activityType: 'buildImage' }, { interceptors: [classifyErrors(log)], logger: new DefaultLogger('ERROR') })
  return environment.run(async () => work())
}

/** What Temporal is told when an activity throws this. */
async function thrown(work: () => unknown): Promise<ApplicationFailure> {
  return activity(work).then(() => Promise.reject(new Error('nothing was thrown')), (error: unknown) => error as ApplicationFailure)
}

const throwing = (error: unknown) => () => {
  throw error
}
const withCode = (code: string) => Object.assign(new Error('it broke'), { code })

describe('an error of the database', () => {
  test.each([
    ...['08006', '40001', '40P01', '53300', '55P03', '57P01', '57014'],
    ...['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'],
    ...['CONNECTION_CLOSED', 'CONNECTION_ENDED', 'CONNECTION_DESTROYED', 'CONNECT_TIMEOUT'],
  ])('%s is tried again, also inside another error', async (code) => {
    for (const error of [withCode(code), new Error('wrapped', { cause: withCode(code) })]) {
      expect(await thrown(throwing(error))).toMatchObject({ type: 'database_away', nonRetryable: false })
    }
    expect(lines.splice(0)).toEqual([])
  })

  test.each(['23505', '22P02', '42P01', '28P01', 'ENOENT', 'EACCES'])('%s is a fault, and final', async (code) => {
    expect(await thrown(throwing(withCode(code)))).toMatchObject({ type: 'unexpected', nonRetryable: true })
    expect(lines.splice(0)).toMatchObject([{ msg: 'activity failed unexpectedly', activity: 'buildImage' }])
  })

  test('that is not there is tried again', async () => {
    const away = connect(`postgres://nobody@127.0.0.1:${await freePort()}/nothing`, 1)
    expect(await thrown(() => away.db.select().from(organisations))).toMatchObject({ type: 'database_away', nonRetryable: false })
    await away.close()
  })

  test('whose session is ended by an administrator is tried again', async () => {
    const other = connect(database.url, 1)
    const [row] = await other.sql`select pg_backend_pid() as pid`
    const working = thrown(() => other.db.execute('select pg_sleep(30)'))
    await expect.poll(() => database.sql`select from pg_stat_activity where pid = ${row!.pid} and state = 'active'`).toHaveLength(1)
    await database.sql`select pg_terminate_backend(${row!.pid})`
    expect(await working).toMatchObject({ type: 'database_away', nonRetryable: false })
    await other.close()
  })

  test('is told without the query and its values', async () => {
    const rows = Array.from({ length: 500 }, () => ({ name: 'a value that stays here' }))
    const failure = await thrown(() => database.db.insert(organisations).values(rows))
    expect(failure).toMatchObject({ type: 'unexpected', nonRetryable: true })
    expect(failure.message).toContain('duplicate key value violates unique constraint "organisations_name"')
    expect(JSON.stringify([failure.message, failure.details])).not.toContain('a value that stays here')
    lines.splice(0)
  })
})

describe('an activity that fails', () => {
  test('with a cause that was stated keeps it, and whether it is final', async () => {
    const failure = { code: 'step_failed', message: 'Step "build" ended with exit code 1.' }
    for (const stated of [finalFailure(failure), passingFailure(failure)]) expect(await thrown(throwing(stated))).toBe(stated)
  })

  test('because it was cancelled is cancelled', async () => {
    const cancelled = new CancelledFailure('cancelled')
    expect(await thrown(throwing(cancelled))).toBe(cancelled)
  })

  test('because the connection to a server broke off is tried again', async () => {
    const lost = new SshError('connection_lost', 'web-1', 'the connection broke off')
    expect(await thrown(throwing(lost))).toMatchObject({ type: 'ssh_connection_lost', nonRetryable: false })
  })

  test('because of a wish to cancel, or after recovery took over, does not try again', async () => {
    expect(await thrown(throwing(new CancelRequested('cancelled')))).toMatchObject({ type: 'cancel_requested', nonRetryable: true })
    expect(await thrown(throwing(new OperationEnded('recovering')))).toMatchObject({ type: 'operation_ended', nonRetryable: true })
  })

  test.each([['an error', new TypeError('x is undefined')], ['something else', 'just text']])('with %s that nobody expects fails at once and loudly', async (_, error) => {
    const failure = await thrown(throwing(error))
    expect(failure).toMatchObject({ type: 'unexpected', nonRetryable: true })
    expect(failure.message).toMatch(/^buildImage failed: (x is undefined|just text)\n/)
    expect(lines.splice(0)).toHaveLength(1)
  })

  test('tells at most a thousand characters of why', async () => {
    expect((await thrown(throwing(new Error('long '.repeat(10_000))))).message.length).toBeLessThan(1200)
    lines.splice(0)
  })

  test('and one that does not: its answer is left as it is', async () => {
    expect(await activity(() => 'the answer')).toBe('the answer')
  })
})
