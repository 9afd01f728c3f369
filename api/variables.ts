import { attachedSlices } from '../db/attachments.ts'
import type { Database } from '../db/connect.ts'
import { lockEnvironment } from '../db/environments.ts'
import { type ChangedVariable, changeVariables, variablesOf } from '../db/variables.ts'
import type { EnvironmentId, UserId } from '../domain/ids.ts'
import type { Secret } from '../domain/secret.ts'
import { managedLayer, overrideRule, type VariableLayer, type VariableSource } from '../domain/variables.ts'
import type { ApiDependencies } from './context.ts'
import { exportedNames } from './exported-variables.ts'
import { invalidField, Problem } from './problem.ts'
import type { VariableOrigin } from './schemas/variable.ts'

type Stores = Pick<ApiDependencies, 'db' | 'keyring'>

/** Every value that any source has for the environment: what is stored, and what its attachments will give. */
export async function variableLayers({ db, keyring }: Stores, environmentId: EnvironmentId): Promise<VariableLayer<VariableOrigin>[]> {
  const stored = (await variablesOf(db, keyring, environmentId)).map((variable) => ({ ...variable, value: { stored: variable } }))
  const managed = (await attachedSlices(db, environmentId)).flatMap((attached) =>
    exportedNames(attached).map((key) => managedLayer(key, { sliceId: attached.sliceId })),
  )
  return [...stored, ...managed]
}

/** What a person wishes for the variables of an environment; null removes one. */
export interface WishedVariables {
  environmentId: EnvironmentId
  userId: UserId | null
  values: Readonly<Record<string, Secret | null>>
  /** Where the values stood in the request. */
  field: string
}

/** What came of a wish; `replaces` says whose value the user's own takes the place of. */
export interface VariablesChange {
  items: (ChangedVariable & { replaces: VariableSource | null })[]
  warnings: string[]
}

/** All containers of a service are started with all variables, and Linux lets a process have two megabytes of them. */
const mostBytes = 1024 * 1024

/**
 * Changes the user's variables, all or none. Throws a 409 where a value may not be overridden, and a 422 where all of them together
 * would be more than a container can be started with.
 */
export async function changeUsersVariables(tx: Database, { keyring }: Stores, wish: WishedVariables): Promise<VariablesChange> {
  const { environmentId, values, field } = wish
  await lockEnvironment(tx, environmentId)
  const layers = (await variableLayers({ db: tx, keyring }, environmentId)).filter(({ source }) => source !== 'user')
  refuseFixed(layers, wish)
  const changed = await changeVariables(tx, keyring, wish)
  const own = (await variablesOf(tx, keyring, environmentId)).filter(({ source }) => source === 'user')
  if (own.reduce((sum, { key, value }) => sum + bytesOf(key) + bytesOf(value.reveal()), 0) > mostBytes) {
    throw invalidField(field, 'all variables of an environment together may have one megabyte: put large values into files or a database')
  }
  const replaced = (key: string) => (values[key] ? (layers.find((layer) => layer.key === key)?.source ?? null) : null)
  const items = changed.map((item) => ({ ...item, replaces: replaced(item.key) }))
  return { items, warnings: items.flatMap((item) => warningOf(item) ?? []) }
}

/** Keys of these that the user may not set, by the sources that have them. */
export const fixedKeys = (layers: readonly VariableLayer<unknown>[], keys: readonly string[]): string[] =>
  keys.filter((key) => layers.some((layer) => layer.key === key && !layer.overridable))

function refuseFixed(layers: readonly VariableLayer<unknown>[], { values, field }: WishedVariables): void {
  const keys = fixedKeys(layers, Object.keys(values).filter((key) => values[key] !== null))
  if (keys.length === 0) return
  const errors = keys.map((key) => {
    const source = layers.find((layer) => layer.key === key && !layer.overridable)?.source
    const because = source && source !== 'user' ? overrideRule(source, key).because : 'Keystone gives it'
    return { field, message: `${key} cannot be set, since ${because}: leave it out` }
  })
  throw new Problem(409, 'variable_not_overridable', errors.map(({ message }) => message).join('; '), { errors })
}

/** Where another value than the user's own would have been right in most cases. */
function warningOf({ key, change, replaces }: VariablesChange['items'][number]): string | null {
  if (change !== 'set' || replaces === null || replaces === 'user') return null
  if (replaces === 'system' && key !== 'APP_KEY') return null
  return `${key} takes the place of another value from now on; ${overrideRule(replaces, key).because}. Remove it to have that value back.`
}

/** What the audit keeps of a change: keys and versions, never values. */
export function changesOf({ items }: VariablesChange) {
  const set = items.filter(({ change }) => change === 'set').map(({ key, version }) => [key, version])
  const removed = items.filter(({ change }) => change === 'removed').map(({ key }) => key)
  return { set: Object.fromEntries(set), removed }
}

const bytesOf = (text: string): number => Buffer.byteLength(text)
