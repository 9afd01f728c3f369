import { z } from 'zod'

/** What simulated servers have seen so far. */
export const tallySchema = z.object({
  connections: z.int(),
  /** Steps that were started; each of them once. */
  steps: z.int(),
  /** Times that a step was found running, or ended, by somebody who wanted to start it. */
  reattached: z.int(),
  /** Connections that were refused, and that broke off: the faults that were put in. */
  refused: z.int(),
  dropped: z.int(),
  /** What no server of Keystone's would have understood; the first hundred. */
  violations: z.array(z.string()),
})
export type Tally = z.infer<typeof tallySchema>

export const newTally = (): Tally => ({ connections: 0, steps: 0, reattached: 0, refused: 0, dropped: 0, violations: [] })

const mostViolations = 100

export function tellViolation({ violations }: Tally, what: string): void {
  if (violations.length < mostViolations) violations.push(what)
}
