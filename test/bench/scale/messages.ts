import { z } from 'zod'
import { behaviourSchema } from './behaviour.ts'
import { tallySchema } from './server/tally.ts'

const wishedServerSchema = z.object({ number: z.int(), name: z.string(), privateAddress: z.string(), rootPublicKey: z.string() })

/** What a process of simulated servers is told. */
export const orderSchema = z.discriminatedUnion('order', [
  z.object({ order: z.literal('open'), behaviour: behaviourSchema, servers: z.array(wishedServerSchema) }),
  z.object({ order: z.literal('report') }),
])
export type Order = z.infer<typeof orderSchema>

/** What it answers, each order once. */
export const answerSchema = z.object({
  servers: z.array(z.object({ name: z.string(), port: z.int(), hostKey: z.string() })),
  tally: tallySchema,
})
export type Answer = z.infer<typeof answerSchema>
