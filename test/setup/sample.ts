import { randomFrom, shuffled } from '../chaos/random.ts'

/** Cases of a long suite: `minutes` is about what one takes. */
export interface LongCase {
  name: string
  minutes: number
}

interface Draw {
  seed: number
  minutes: number
}

/** As many cases as fit into so many minutes, drawn by the seed, in the suite's own order. */
export function sampleOf<Case extends LongCase>(cases: readonly Case[], { seed, minutes }: Draw): Case[] {
  let left = minutes
  const drawn = shuffled(cases, randomFrom(seed)).filter((one) => {
    if (one.minutes > left) return false
    left -= one.minutes
    return true
  })
  return cases.filter((one) => drawn.includes(one))
}
