import { describe, expect, it } from 'vitest'
import { changedVariables, effectiveVariables, managedLayer, overrideRule, overrideRules, precedence, type VariableSource } from '../../domain/variables.ts'

const layer = (key: string, source: VariableSource, overridable = true) => ({ key, source, overridable, value: source })

describe('the table of variables', () => {
  it.each<[source: 'managed_attachment' | 'system', key: string, overridable: boolean]>([
    ['managed_attachment', 'DB_USERNAME', false],
    ['managed_attachment', 'DB_PASSWORD', false],
    ['managed_attachment', 'REDIS_USERNAME', false],
    ['managed_attachment', 'REDIS_PASSWORD', false],
    ['managed_attachment', 'ANALYTICS_DB_PASSWORD', false],
    ['managed_attachment', 'DB_HOST', true],
    ['managed_attachment', 'DB_PASSWORD_HINT', true],
    ['managed_attachment', 'REDIS_PREFIX', true],
    ['system', 'APP_KEY', true],
    ['system', 'APP_DEBUG', true],
  ])('says of %s %s whether it may be overridden: %s', (source, key, overridable) => {
    expect(overrideRule(source, key)).toMatchObject({ overridable, because: expect.stringMatching(/^\w/) })
  })

  it('has a rule for every variable of every source but the user', () => {
    const sources = new Set(overrideRules.map(({ source }) => source))
    for (const source of sources) expect(overrideRule(source, 'ANYTHING')).toMatchObject({ source })
    expect([...sources, 'user'].toSorted()).toEqual(precedence.filter((rank) => rank !== 'not overridable').toSorted())
  })

  it('lets exactly the stronger one of each two win', () => {
    const ranks = { 'not overridable': layer('A', 'system', false), user: layer('A', 'user'), managed_attachment: layer('A', 'managed_attachment'), system: layer('A', 'system') }
    for (const [index, strong] of precedence.entries()) {
      for (const weak of precedence.slice(index + 1)) {
        for (const order of [[ranks[strong], ranks[weak]], [ranks[weak], ranks[strong]]]) expect(effectiveVariables(order)).toEqual([ranks[strong]])
      }
    }
  })

  it('gives the login of an attached service precedence over what a user has set', () => {
    const own = (key: string) => ({ ...layer(key, 'user'), value: 'own' })
    const layers = ['DB_HOST', 'DB_PASSWORD'].flatMap((key) => [own(key), managedLayer(key, 'managed')])
    expect(effectiveVariables(layers).map(({ key, value }) => [key, value])).toEqual([['DB_HOST', 'own'], ['DB_PASSWORD', 'managed']])
  })
})

it('has every key once, sorted', () => {
  const layers = [layer('B', 'user'), layer('A', 'system'), layer('B', 'system')]
  expect(effectiveVariables(layers).map(({ key, value }) => [key, value])).toEqual([['A', 'system'], ['B', 'user']])
})

it('knows what is new since a release, also where it was removed and set again', () => {
  expect(changedVariables({ A: 1, B: 2, C: 1 }, { A: 1, B: 4, D: 1 })).toEqual({ set: ['B', 'D'], removed: ['C'] })
})
