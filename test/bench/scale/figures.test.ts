import { expect, test } from 'vitest'
import { overLimits } from './figures.ts'

test('what has reached its limit is named with it', () => {
  const within = { workerPeakMb: 511, maxHistoryEvents: 9999, failed: 0, recoveries: 0, differences: 0 }
  expect(overLimits(within)).toEqual([])
  expect(overLimits({ ...within, workerPeakMb: 512 })).toEqual(['workerPeakMb is 512 and must be under 512'])
  expect(overLimits({ ...within, failed: 3 })).toEqual(['failed is 3 and must be under 1'])
})
