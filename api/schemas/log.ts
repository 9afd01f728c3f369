import { z } from '@hono/zod-openapi'
import type { LogPage } from '../../db/operation-logs.ts'
import { logStart, readCursor, writeCursor } from '../../domain/log-cursor.ts'

/** Where a reader of logs goes on; what it has read says the cursor itself. */
export const logCursor = z
  .string()
  .max(12_000, 'is too long to be a cursor of logs')
  .transform((text, context) => {
    const cursor = readCursor(text)
    if (cursor) return cursor
    context.addIssue({ code: 'custom', message: 'must be a cursor that an answer with logs had' })
    return z.NEVER
  })

export const logQuery = z.strictObject({
  after: logCursor.default(logStart)
    .openapi({ type: 'string', minLength: 1, description: 'The cursor of the page before. Left out: from the beginning.' }),
})

const logChunkSchema = z
  .object({
    stepId: z.uuid(),
    run: z.int().openapi({ description: 'Counts how often the step was started; more than 1 after a reboot of its server.' }),
    stream: z.enum(['out', 'err']),
    offset: z.int().openapi({ description: 'Bytes of the stream before this chunk, as the server wrote them.' }),
    text: z.string().openapi({ description: 'Without secrets.' }),
  })
  .openapi('LogChunk')

export const logPageSchema = z.object({
  items: z.array(logChunkSchema),
  cursor: z.string().openapi({ description: 'Read on with it, now or later.' }),
  hasMore: z.boolean().openapi({ description: 'Whether more is there at this moment.' }),
})

export const presentLogs = ({ chunks, cursor, hasMore }: LogPage): z.infer<typeof logPageSchema> => ({
  items: chunks,
  cursor: writeCursor(cursor),
  hasMore,
})
