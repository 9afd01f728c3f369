/** Which value of a variable wins, where several sources name it (specification section 13). */

/** Who gave a value: a person, an attached service, or Keystone itself. */
export type VariableSource = 'user' | 'managed_attachment' | 'system'

/** One value of one source; `overridable` says whether the user's own value may take its place. */
export interface VariableLayer<Value> {
  key: string
  source: VariableSource
  overridable: boolean
  value: Value
}

/** Which variables of a source a user may give another value; `because` is said where one may not, or should know what happens. */
interface OverrideRule {
  source: Exclude<VariableSource, 'user'>
  /** Of the name, with or without the prefix of an attachment. */
  named: RegExp
  overridable: boolean
  because: string
}

/** The first rule that fits counts. */
export const overrideRules: readonly OverrideRule[] = [
  {
    source: 'managed_attachment',
    named: /(?:^|_)(?:DB|REDIS)_(?:USERNAME|PASSWORD)$/,
    overridable: false,
    because: 'it is the login of an attached service, which Keystone rotates',
  },
  { source: 'managed_attachment', named: /(?:)/, overridable: true, because: 'an attached service gives it' },
  { source: 'system', named: /^APP_KEY$/, overridable: true, because: 'it was made once, and what it has encrypted opens with it alone' },
  { source: 'system', named: /(?:)/, overridable: true, because: 'Keystone gives it' },
]

/** The rule for a variable of this name and source. */
export function overrideRule(source: OverrideRule['source'], key: string): OverrideRule {
  const rule = overrideRules.find((one) => one.source === source && one.named.test(key))
  if (!rule) throw new Error(`there is no rule for ${source} variables`)
  return rule
}

/** A value that an attached service gives. */
export const managedLayer = <Value>(key: string, value: Value): VariableLayer<Value> => ({
  ...{ key, value, source: 'managed_attachment' },
  overridable: overrideRule('managed_attachment', key).overridable,
})

/** From the strongest to the weakest. */
export const precedence = ['not overridable', 'user', 'managed_attachment', 'system'] as const

const strength = <Value>({ source, overridable }: VariableLayer<Value>): number =>
  -precedence.indexOf(source !== 'user' && !overridable ? 'not overridable' : source)

/** The winner of each key, sorted by key, by their precedence. */
export function effectiveVariables<Value>(layers: readonly VariableLayer<Value>[]): VariableLayer<Value>[] {
  const winners = new Map<string, VariableLayer<Value>>()
  for (const layer of layers) {
    const present = winners.get(layer.key)
    if (!present || strength(layer) > strength(present)) winners.set(layer.key, layer)
  }
  return [...winners.values()].sort((one, other) => (one.key < other.key ? -1 : 1))
}

/** What of the user's variables is new since the live release. */
export interface ChangedVariables {
  set: readonly string[]
  removed: readonly string[]
}

/** Compares which value of each variable is pinned; versions count on when a variable is removed and set again. */
export function changedVariables(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): ChangedVariables {
  return {
    set: Object.keys(after).filter((key) => after[key] !== before[key]).toSorted(),
    removed: Object.keys(before).filter((key) => !(key in after)).toSorted(),
  }
}
