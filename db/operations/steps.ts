import { and, eq, sql } from 'drizzle-orm'
import type { OperationId, ServerId } from '../../domain/ids.ts'
import type { StepStatus } from '../../domain/operations.ts'
import type { Database } from '../connect.ts'
import { operationLogChunks, operations, operationSteps } from '../schema/index.ts'
import { holdRunning, operationById } from './begin.ts'
import { notifyOperation } from './notify.ts'

/** A step that is about to run; by operation and order it is found again. */
export interface StepStart {
  operationId: OperationId
  order: number
  name: string
  serverId: ServerId | null
  /** Whose unit it is on the server. */
  user: 'keystone' | 'root'
  /** As it is shown to people; values are not in it. */
  script: string
}

/**
 * Upserts a step as running and returns its id. A step that has ended stays so, for it is never run again: its activity, which
 * was not heard when it said so, only reads its end again. Throws OperationEnded when recovery has taken the operation over:
 * nothing may be started for it any more.
 */
export async function startStep(db: Database, step: StepStart): Promise<string> {
  return db.transaction(async (tx) => {
    const { rootId } = await holdRunning(tx, step.operationId)
    const [row] = await tx
      .insert(operationSteps)
      .values({ ...step, status: 'running' })
      .onConflictDoUpdate({
        target: [operationSteps.operationId, operationSteps.order],
        set: { name: step.name },
      })
      .returning({ id: operationSteps.id })
    if (!row) throw new Error(`step ${step.order} of operation ${step.operationId} was not stored`)
    await notifyOperation(tx, rootId)
    return row.id
  })
}

/** How a step ended: its newest run, and the exit code of its script where it had one. */
export interface StepEnd {
  status: Exclude<StepStatus, 'running'>
  run?: number
  exitCode?: number
}

/** Records how a step ended; what is recorded already stays. */
export async function endStep(db: Database, stepId: string, end: StepEnd): Promise<void> {
  const [row] = await db
    .update(operationSteps)
    .set({ ...end, finishedAt: sql`now()` })
    .where(and(eq(operationSteps.id, stepId), eq(operationSteps.status, 'running')))
    .returning({ operationId: operationSteps.operationId })
  if (row) await notifyOperation(db, (await operationById(db, row.operationId)).rootId)
}

/** Steps of the whole tree that may still run on their servers; `hash` is that of their operation. */
export async function unfinishedSteps(db: Database, rootId: OperationId) {
  return db
    .select({
      id: operationSteps.id,
      order: operationSteps.order,
      name: operationSteps.name,
      user: operationSteps.user,
      serverId: operationSteps.serverId,
      hash: operations.hash,
    })
    .from(operationSteps)
    .innerJoin(operations, eq(operations.id, operationSteps.operationId))
    .where(and(eq(operations.rootId, rootId), eq(operationSteps.status, 'running')))
}

/** A step as its server knows it. */
export type UnfinishedStep = Awaited<ReturnType<typeof unfinishedSteps>>[number]

/** Raw bytes of the run's two streams that are stored. */
export interface StoredPosition {
  run: number
  out: number
  err: number
}

/** How far the output of a step's newest run is stored, in raw bytes; null when nothing is. */
export async function storedPosition(db: Database, stepId: string): Promise<StoredPosition | null> {
  const [row] = await db.execute<{ run: number; out: string; err: string }>(sql`
    select run, coalesce(max(raw_offset + raw_length) filter (where stream = 'out'), 0) as out,
           coalesce(max(raw_offset + raw_length) filter (where stream = 'err'), 0) as err
    from operation_log_chunks where step_id = ${stepId} group by run order by run desc limit 1`)
  return row ? { run: row.run, out: Number(row.out), err: Number(row.err) } : null
}

/** Redacted output that stands for `rawLength` raw bytes from `rawOffset` on, in one stream of a run. */
export interface LogPiece {
  stepId: string
  run: number
  stream: 'out' | 'err'
  rawOffset: number
  rawLength: number
  bytes: Uint8Array
}

/**
 * Appends redacted output where it continues what is stored, so that overlapping readers store every byte once. False when
 * another reader has stored on from there: then the caller has to read again from what is stored.
 */
export async function appendLog(db: Database, piece: LogPiece): Promise<boolean> {
  const end = sql`(select coalesce(max(raw_offset + raw_length), 0) from operation_log_chunks
    where step_id = ${piece.stepId} and run = ${piece.run} and stream = ${piece.stream})`
  const stored = await db.execute(sql`
    insert into operation_log_chunks (step_id, run, stream, raw_offset, raw_length, bytes)
    select ${piece.stepId}, ${piece.run}, ${piece.stream}, ${piece.rawOffset}, ${piece.rawLength}, ${Buffer.from(piece.bytes)}
    where ${piece.rawOffset} = ${end}
    on conflict do nothing
    returning sequence`)
  return stored.length > 0
}

/**
 * The last redacted bytes of a step's newest run: what it printed, then what it said of errors; half of the room for each where
 * both are long.
 */
export async function logTail(db: Database, stepId: string, bytes = 1024): Promise<string> {
  const [out, err] = await Promise.all([endOf(db, stepId, 'out', bytes), endOf(db, stepId, 'err', bytes)])
  const forOut = Math.max(bytes / 2, bytes - err.length)
  const forErr = Math.max(bytes / 2, bytes - out.length)
  return Buffer.concat([lastBytes(out, forOut), lastBytes(err, forErr)]).toString()
}

const lastBytes = (buffer: Buffer, count: number): Buffer => buffer.subarray(Math.max(0, buffer.length - count))

async function endOf(db: Database, stepId: string, stream: 'out' | 'err', bytes: number): Promise<Buffer> {
  const rows = await db
    .select({ bytes: operationLogChunks.bytes })
    .from(operationLogChunks)
    .where(
      and(
        eq(operationLogChunks.stepId, stepId),
        eq(operationLogChunks.stream, stream),
        sql`${operationLogChunks.run} = (select max(run) from operation_log_chunks where step_id = ${stepId})`,
      ),
    )
    .orderBy(sql`${operationLogChunks.rawOffset} desc`)
    .limit(20)
  return lastBytes(Buffer.concat(rows.reverse().map((row) => row.bytes)), bytes)
}
