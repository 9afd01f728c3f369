import { expect, test } from 'vitest'
import { stepNumbers } from '../../domain/step-numbers.ts'

const { convergence, ...kinds } = stepNumbers
const ordered = (numbers: Readonly<Record<string, number>>) => Object.values(numbers)

test.each(Object.entries(stepNumbers))('the steps of %s are numbered in their order, each once', (_, numbers) => {
  const given = ordered(numbers)
  expect(given).toEqual([...new Set(given)].toSorted((one, other) => one - other))
})

test('what takes an operation back is numbered behind everything that the operation does, with room for long lists', () => {
  const last = Math.max(...Object.values(kinds).flatMap(ordered))
  expect(convergence.stopOneOffs - last).toBeGreaterThanOrEqual(2000)
})

test('a gateway that is asked once more, alone, has a number left for it', () => {
  const { configure, switch: switched } = stepNumbers.gateway
  for (const order of [configure, switched]) expect(ordered(stepNumbers.gateway)).not.toContain(order + 1)
})
