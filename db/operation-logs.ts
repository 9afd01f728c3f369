import { sql } from 'drizzle-orm'
import type { OperationId } from '../domain/ids.ts'
import type { LogCursor, OpenStep } from '../domain/log-cursor.ts'
import type { Database } from './connect.ts'

/** A piece of a step's output as it was stored; `offset` counts the raw bytes before it in its stream. */
export interface LogChunk {
  stepId: string
  run: number
  stream: 'out' | 'err'
  offset: number
  text: string
}

/** A piece of an operation's log, in order of arrival. */
export interface LogPage {
  chunks: LogChunk[]
  /** Where the next read goes on. */
  cursor: LogCursor
  /** Whether there is more at this moment. */
  hasMore: boolean
}

/** Whether a cursor can be of this database: one that was set back to an earlier state has not written yet what it counts as read. */
export async function isKnownCursor(db: Database, { after }: LogCursor): Promise<boolean> {
  const [last] = await db.execute<{ sequence: string | null }>(sql`select max(sequence) as sequence from operation_log_chunks`)
  return after <= Number(last?.sequence ?? 0)
}

/** A step may write for a while after its end was recorded: by a reader that overlapped with the one who ended it. */
const settledAfter = sql`interval '60 seconds'`

/** A page takes no further chunk when those in it have so many bytes: what is read at once does not grow with what a step prints. */
const mostBytes = 256 * 1024

/**
 * The output of an operation and everything below it, behind a cursor, in order of arrival, about `limit` chunks or 256 KB at a time.
 * All is read in one snapshot: what the new cursor counts as read is exactly what was visible in it up to a number.
 */
export async function readLogs(db: Database, id: OperationId, cursor: LogCursor, limit = 200): Promise<LogPage> {
  return db.transaction(
    async (tx) => {
      const { upTo, hasMore } = await bound(tx, id, cursor, limit)
      const chunks = await unread(tx, id, cursor, upTo)
      return { chunks, cursor: { after: upTo, open: await openSteps(tx, id, upTo) }, hasMore }
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  )
}

/** The steps of an operation and of everything below it. */
const stepsBelow = (id: OperationId) => sql`
  with recursive tree as (
    select ${id}::uuid as id
    union all
    select child.id from operations child join tree on child.parent_id = tree.id
  ) select * from operation_steps where operation_id in (select id from tree)`

/** The number up to which this page goes: that of the last chunk behind the cursor that has room in it; the first one always has. */
async function bound(
  tx: Database,
  id: OperationId,
  { after }: LogCursor,
  limit: number,
): Promise<{ upTo: number; hasMore: boolean }> {
  const rows = await tx.execute<{ sequence: string; before: string }>(sql`
    select sequence, sum(bytes) over (order by sequence) - bytes as before from (
      select c.sequence, octet_length(c.bytes) as bytes from operation_log_chunks c join (${stepsBelow(id)}) step on step.id = c.step_id
      where c.sequence > ${after} order by c.sequence limit ${limit + 1}) next order by sequence`)
  const page = rows.slice(0, limit).filter(({ before }) => Number(before) < mostBytes)
  return { upTo: Number(page.at(-1)?.sequence ?? after), hasMore: rows.length > page.length }
}

/** What has a higher number than the cursor, and what came late: a lower number, but behind the end that the cursor knows. */
async function unread(tx: Database, id: OperationId, { after, open }: LogCursor, upTo: number): Promise<LogChunk[]> {
  const steps = JSON.stringify(open.map(({ stepId }) => stepId))
  const listed = open.flatMap(({ stepId, streams }) => streams.map((stream) => ({ step_id: stepId, ...stream })))
  const rows = await tx.execute<{ step_id: string; run: number; stream: 'out' | 'err'; raw_offset: string; bytes: Buffer }>(sql`
    select c.* from operation_log_chunks c join (${stepsBelow(id)}) step on step.id = c.step_id
    where c.sequence > ${after} and c.sequence <= ${upTo}
    union all
    select c.* from (${stepsBelow(id)}) step
    join operation_log_chunks beginning on beginning.step_id = step.id and beginning.raw_offset = 0
    left join jsonb_to_recordset(${JSON.stringify(listed)}::text::jsonb)
      as listed (step_id uuid, run int, stream text, next bigint)
      on (listed.step_id, listed.run, listed.stream) = (beginning.step_id, beginning.run, beginning.stream)
    join operation_log_chunks c on (c.step_id, c.run, c.stream) = (beginning.step_id, beginning.run, beginning.stream)
      and c.raw_offset >= coalesce(listed.next, 0)
    where step.id in (select listed::uuid from jsonb_array_elements_text(${steps}::text::jsonb) listed)
      and c.sequence <= ${after}
    order by sequence`)
  return rows.map(({ step_id: stepId, run, stream, raw_offset, bytes }) => ({
    ...{ stepId, run, stream },
    offset: Number(raw_offset),
    text: bytes.toString(),
  }))
}

/** Steps that may still write, with the ends of their streams as of this page. */
async function openSteps(tx: Database, id: OperationId, upTo: number): Promise<OpenStep[]> {
  const rows = await tx.execute<{ id: string; streams: OpenStep['streams'] }>(sql`
    select step.id, coalesce(json_agg(json_build_object('run', written.run, 'stream', written.stream, 'next', written.next))
      filter (where written.next is not null), '[]') as streams
    from (${stepsBelow(id)}) step
    left join lateral (
      select beginning.run, beginning.stream, (
        select c.raw_offset + c.raw_length from operation_log_chunks c
        where (c.step_id, c.run, c.stream) = (beginning.step_id, beginning.run, beginning.stream) and c.sequence <= ${upTo}
        order by c.raw_offset desc limit 1) as next
      from operation_log_chunks beginning where beginning.step_id = step.id and beginning.raw_offset = 0
    ) written on true
    where step.status = 'running' or step.finished_at > now() - ${settledAfter}
    group by step.id order by step.id`)
  return rows.map(({ id: stepId, streams }) => ({ stepId, streams }))
}
