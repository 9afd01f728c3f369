import { z } from 'zod'

const range = z.object({ least: z.number().nonnegative(), most: z.number().nonnegative() })

/** How simulated servers behave; the seed decides every choice. */
export const behaviourSchema = z.object({
  seed: z.int(),
  /** Before a connection or a command is answered. */
  latencyMilliseconds: range,
  /** How long a step's script takes. */
  stepMilliseconds: range,
  /** Of the connections, closed before a word is said. */
  refusedShare: z.number().min(0).max(1),
  /** Of the calls, in the course of which the whole connection breaks off. */
  droppedShare: z.number().min(0).max(1),
})
export type Behaviour = z.infer<typeof behaviourSchema>

/** As servers of a cloud answer, and somewhat worse. */
export const usual: Behaviour = {
  seed: 20_261,
  latencyMilliseconds: { least: 20, most: 80 },
  stepMilliseconds: { least: 200, most: 3000 },
  refusedShare: 0.03,
  droppedShare: 0.02,
}

/** The same with steps that take no time to speak of. */
export const hasty: Behaviour = { ...usual, stepMilliseconds: { least: 50, most: 400 } }
