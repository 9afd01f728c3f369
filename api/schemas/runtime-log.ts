import { z } from '@hono/zod-openapi'
import type { RuntimeLine, SilentServer } from '../server-logs.ts'
import { replicaIdSchema, serviceIdSchema } from './fields.ts'

const mostLines = 1000

const howLongAgo = /^[1-9]\d{0,6}[smhd]$/
const isMoment = (text: string): boolean => z.iso.datetime({ offset: true }).safeParse(text).success

/** Docker knows no days. */
const sinceSchema = z
  .string()
  .refine((text) => howLongAgo.test(text) || isMoment(text), 'must be a moment such as 2026-11-22T16:00:00Z, or how long ago, such as 90s, 10m, 2h or 3d')
  .transform((text) => (text.endsWith('d') ? `${Number(text.slice(0, -1)) * 24}h` : text))
  .openapi({ type: 'string', example: '10m', description: 'A moment, or how long ago. Left out: as far back as there is something.' })

export const runtimeLogQuery = z.strictObject({
  tail: z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(0, 'must be at least 0')
    .max(mostLines, `must be at most ${mostLines}`)
    .default(100)
    .openapi({ description: 'The last lines of each container.' }),
  since: sinceSchema.optional(),
  serviceId: serviceIdSchema.optional().openapi({ description: 'One service of the environment alone.' }),
  replicaId: replicaIdSchema.optional().openapi({ description: 'One replica alone.' }),
})

const lineSchema = z
  .object({
    at: z.string().openapi({ description: 'When it was written, by the clock of its server, to the nanosecond.', example: '2026-11-22T16:00:00.123456789Z' }),
    ...{ serviceId: z.uuid(), service: z.string(), replicaId: z.uuid(), serverId: z.uuid(), server: z.string() },
    isScheduler: z.boolean().openapi({ description: 'Written by the scheduler, which belongs to the replica.' }),
    stream: z.enum(['out', 'err']),
    text: z.string().openapi({ description: 'Without secrets that Keystone knows, and without its line break.' }),
  })
  .openapi('RuntimeLine')

const silentSchema = z
  .object({ serverId: z.uuid(), server: z.string(), code: z.string(), message: z.string() })
  .openapi('SilentServer')

export const runtimeLogsSchema = z.object({
  items: z.array(lineSchema).openapi({ description: 'In the order of time.' }),
  silent: z.array(silentSchema).openapi({ description: 'Servers whose lines are missing, and why.' }),
  isCut: z.boolean().openapi({ description: 'There was more than one answer holds: ask for less.' }),
})

export const runtimeEventSchema = z
  .object({
    event: z.enum(['lines', 'silent', 'end']),
    id: z.string().optional(),
    data: z.string().openapi({ description: 'JSON: a list of RuntimeLine, a SilentServer, or null at the end.' }),
  })
  .openapi('RuntimeEvent')

export const presentLine = ({ at, serviceId, service, replicaId, serverId, server, isScheduler, stream, text }: RuntimeLine): z.infer<typeof lineSchema> => ({
  ...{ at, serviceId, service, replicaId, serverId, server, isScheduler, stream, text },
})

export const presentSilent = ({ serverId, server, code, message }: SilentServer): z.infer<typeof silentSchema> => ({ serverId, server, code, message })
