import { expect, test } from 'vitest'
import { turnOf } from '../../domain/builds.ts'

test.each([
  [0, 1, 0],
  [1, 1, 1],
  [4, 1, 4],
  [2, 3, 0],
  [3, 3, 1],
])('with %i builds before it at a builder of %i slots, %i have to end first', (before, slots, ahead) => {
  expect(turnOf(before, slots)).toEqual({ ahead })
})
