import type { z } from 'zod'
import type { StoredConfig } from '../drivers/services/contract-step.ts'
import { invalidInput } from './invalid.ts'
import { Problem } from './problem.ts'

/** Settings as a driver's schema completes them. Throws a 422 that names every field it does not accept or does not know. */
export function completeSettings(schema: z.ZodType<StoredConfig>, given: StoredConfig, field: string): StoredConfig {
  const parsed = schema.safeParse(given)
  if (!parsed.success) throw invalidInput(parsed.error, [field])
  const unknown = unknownFields(given, parsed.data, field)
  if (unknown.length === 0) return parsed.data
  const errors = unknown.map((name) => ({ field: name, message: 'is not a known setting: remove it' }))
  throw new Problem(422, 'invalid_input', errors.map(({ field: name, message }) => `${name}: ${message}`).join('; '), { errors })
}

/** Fields that the schema dropped. */
function unknownFields(given: object, parsed: object, within: string): string[] {
  const known = new Map(Object.entries(parsed))
  return Object.entries(given).flatMap(([name, value]) => {
    const field = `${within}.${name}`
    if (!known.has(name)) return [field]
    const accepted: unknown = known.get(name)
    return isObject(value) && isObject(accepted) ? unknownFields(value, accepted, field) : []
  })
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value)
