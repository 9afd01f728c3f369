import { expect, test } from 'vitest'
import { covered, median } from './statistics.ts'

test('the median is the middle one, or the mean of the two in the middle', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([7])).toBe(7)
  expect(() => median([])).toThrow('nothing')
})

test('what overlaps is covered once', () => {
  expect(covered([])).toBe(0)
  expect(covered([{ from: 10, to: 20 }, { from: 0, to: 5 }])).toBe(15)
  expect(covered([{ from: 0, to: 10 }, { from: 2, to: 4 }, { from: 8, to: 12 }])).toBe(12)
})
