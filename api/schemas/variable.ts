import { z } from '@hono/zod-openapi'
import { variableSources } from '../../db/schema/applications.ts'
import type { Variable } from '../../db/variables.ts'
import type { VariableLayer } from '../../domain/variables.ts'
import { moment } from './fields.ts'

export const newVariableSchema = z
  .strictObject({ value: z.string().max(65_536, 'must have at most 65536 characters') })
  .openapi('NewVariable')

export const variableSchema = z
  .object({
    key: z.string(),
    source: z.enum(variableSources),
    value: z.string().nullable()
      .openapi({ description: "Shown for the user's own variables, to admins and owners; null elsewhere." }),
    overridable: z.boolean(),
    isEffective: z.boolean().openapi({ description: 'False where a value of another source takes its place.' }),
    sliceId: z.uuid().nullable(),
    version: z.int().nullable(),
    updatedAt: moment.nullable(),
  })
  .openapi('EnvironmentVariable')

/** What stands behind a layer: a stored variable, or a slice that makes the value for every replica anew. */
export type VariableOrigin = { stored: Variable } | { sliceId: string }

export function presentVariable(
  { key, source, overridable, value: origin }: VariableLayer<VariableOrigin>,
  { isEffective, showsValues }: { isEffective: boolean; showsValues: boolean },
): z.infer<typeof variableSchema> {
  if ('sliceId' in origin) {
    return { key, source, overridable, isEffective, sliceId: origin.sliceId, value: null, version: null, updatedAt: null }
  }
  const { value, version, updatedAt } = origin.stored
  return {
    ...{ key, source, overridable, isEffective, version, sliceId: null },
    value: source === 'user' && showsValues ? value.reveal() : null,
    updatedAt: updatedAt.toISOString(),
  }
}
