/** The middle one, or the mean of the two in the middle. Throws where there is none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1)
  if (middle.length === 0) throw new Error('there is nothing to take the median of')
  return middle.reduce((sum, value) => sum + value, 0) / middle.length
}

/** Milliseconds in which at least one of the intervals was under way. */
export function covered(intervals: readonly { from: number; to: number }[]): number {
  let sum = 0
  let until = -Infinity
  for (const { from, to } of intervals.toSorted((a, b) => a.from - b.from)) {
    sum += Math.max(0, to - Math.max(from, until))
    until = Math.max(until, to)
  }
  return sum
}
