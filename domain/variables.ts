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

const strength = <Value>({ source, overridable }: VariableLayer<Value>): number => {
  if (source === 'user') return 2
  if (!overridable) return 3
  return source === 'managed_attachment' ? 1 : 0
}

/** The winner of each key, sorted by key: not overridable, then the user's, then attachments, then the system's. */
export function effectiveVariables<Value>(layers: readonly VariableLayer<Value>[]): VariableLayer<Value>[] {
  const winners = new Map<string, VariableLayer<Value>>()
  for (const layer of layers) {
    const present = winners.get(layer.key)
    if (!present || strength(layer) > strength(present)) winners.set(layer.key, layer)
  }
  return [...winners.values()].sort((one, other) => (one.key < other.key ? -1 : 1))
}
