import { z } from 'zod'
import { loadOptionsSchema, loadReportSchema } from './report.ts'

/** What the load's process is told; each message is answered by one with its id. */
export const orderSchema = z.discriminatedUnion('order', [
  z.object({ id: z.int(), order: z.literal('start'), options: loadOptionsSchema }),
  z.object({ id: z.int(), order: z.literal('mark'), name: z.string() }),
  z.object({ id: z.int(), order: z.literal('report') }),
  z.object({ id: z.int(), order: z.literal('stop') }),
])
export type Order = z.infer<typeof orderSchema>

export const answerSchema = z.object({ id: z.int(), report: loadReportSchema })
