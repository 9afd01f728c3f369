import { expect, test } from 'vitest'
import { overLimits } from './figures.ts'

test('what has reached its limit is named with it', () => {
  const within = { p99Ms: 49.9, delayP99Ms: 999, failed: 0, mostQueued: 1 }
  expect(overLimits(within)).toEqual([])
  expect(overLimits({ p99Ms: 50, delayP99Ms: 1000, failed: 2, mostQueued: 2 })).toHaveLength(4)
})
