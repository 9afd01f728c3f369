import { expect, it } from 'vitest'
import { sampleOf } from './sample.ts'

const cases = Array.from({ length: 20 }, (_, index) => ({ name: `case ${index}`, minutes: 1 + (index % 3) }))
const names = (seed: number, minutes = 10) => sampleOf(cases, { seed, minutes }).map(({ name }) => name)

it('draws the same cases from the same seed, and others from another', () => {
  expect(names(1)).toEqual(names(1))
  expect(new Set([1, 2, 3, 4].map((seed) => names(seed).join())).size).toBeGreaterThan(1)
})

it('takes no longer than it may, and leaves no room for another case', () => {
  for (let seed = 0; seed < 50; seed++) {
    const drawn = sampleOf(cases, { seed, minutes: 10 })
    expect(drawn.reduce((sum, { minutes }) => sum + minutes, 0)).toBeGreaterThan(9)
    expect(drawn.reduce((sum, { minutes }) => sum + minutes, 0)).toBeLessThanOrEqual(10)
  }
})

it('comes by every case in time', () => {
  expect(new Set(Array.from({ length: 200 }, (_, seed) => names(seed)).flat()).size).toBe(cases.length)
})

it('is the whole where all of it fits', () => {
  expect(names(1, 1000)).toEqual(cases.map(({ name }) => name))
})
