import { expect, it } from 'vitest'
import { effectiveVariables, type VariableSource } from '../../domain/variables.ts'

const layer = (key: string, source: VariableSource, overridable = true) => ({ key, source, overridable, value: source })

it.each([
  ["the user's value wins over what may be overridden", [layer('A', 'system'), layer('A', 'user'), layer('A', 'managed_attachment')], 'user'],
  ['what is attached wins over the system', [layer('A', 'system'), layer('A', 'managed_attachment')], 'managed_attachment'],
  ['what may not be overridden wins over the user', [layer('A', 'user'), layer('A', 'system', false)], 'system'],
])('%s', (_, layers, winner) => {
  for (const order of [layers, layers.toReversed()]) expect(effectiveVariables(order).map(({ value }) => value)).toEqual([winner])
})

it('has every key once, sorted', () => {
  const layers = [layer('B', 'user'), layer('A', 'system'), layer('B', 'system')]
  expect(effectiveVariables(layers).map(({ key, value }) => [key, value])).toEqual([['A', 'system'], ['B', 'user']])
})
