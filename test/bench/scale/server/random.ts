import { randomFrom } from '../../../chaos/random.ts'

/** Choices of one simulated server. */
export interface Chances {
  between(range: { least: number; most: number }): number
  /** True for about this share of the questions. */
  happens(share: number): boolean
}

/** Servers with different numbers choose differently; a seed has them choose the same again. */
export function createChances(seed: number, number: number): Chances {
  const random = randomFrom(seed + number * 7919)
  return {
    between: ({ least, most }) => least + (most - least) * random(),
    happens: (share) => random() < share,
  }
}
