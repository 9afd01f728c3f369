import type { Database } from '../db/connect.ts'
import { appendLog, type StoredPosition } from '../db/operations/steps.ts'
import type { Redaction, Redactor } from '../domain/redaction.ts'
import type { StepChunk, StepStream } from '../drivers/ssh/remote.ts'

/** Another reader, of a worker that is about to end, has stored further: reading goes on from what is stored. */
export class LogOvertaken extends Error {
  override readonly name = 'LogOvertaken'
}

/** Where a step's output goes. */
export interface StepLog {
  take(chunk: StepChunk): Promise<void>
  /** Stores what was held back because a secret might have begun there. */
  end(): Promise<void>
}

/** What is to be masked, and how much of the output is stored already; null where nothing is. */
interface LogState {
  redaction: Redaction
  stored: StoredPosition | null
}

/** Stores a step's output, masked, each byte once. Both functions throw LogOvertaken. */
export function createStepLog(db: Database, stepId: string, { redaction, stored }: LogState): StepLog {
  let run = stored?.run ?? 0
  const redactors = new Map<StepStream, Redactor>()
  const append = async (stream: StepStream, piece: ReturnType<Redactor['push']>) => {
    if (!piece) return
    const { offset: rawOffset, length: rawLength, bytes } = piece
    if (!(await appendLog(db, { stepId, run, stream, rawOffset, rawLength, bytes }))) throw new LogOvertaken(`step ${stepId}`)
  }
  const flush = async () => {
    for (const [stream, redactor] of redactors) await append(stream, redactor.end())
    redactors.clear()
  }
  return {
    async take(chunk) {
      if (chunk.run !== run) {
        await flush()
        run = chunk.run
      }
      const redactor = redactors.get(chunk.stream) ?? redaction.stream(chunk.offset)
      redactors.set(chunk.stream, redactor)
      await append(chunk.stream, redactor.push(chunk.bytes))
    },
    end: flush,
  }
}
