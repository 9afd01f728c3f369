import { z } from '@hono/zod-openapi'
import { variableSources } from '../../db/schema/applications.ts'
import type { Variable, VariableChangeView } from '../../db/variables.ts'
import type { VariableLayer } from '../../domain/variables.ts'
import { moment, variableKey } from './fields.ts'

const mostBytes = 65_536

/** Linux gives a process no variable beyond 128 KB. */
export const variableValue = z.string().refine((text) => Buffer.byteLength(text) <= mostBytes, `must have at most ${mostBytes} bytes`)

export const newVariableSchema = z.strictObject({ value: variableValue }).openapi('NewVariable')

export const variablesChangeSchema = z
  .strictObject({
    variables: z
      .record(z.string(), variableValue.nullable())
      .superRefine(refuseKeys)
      .refine((variables) => Object.keys(variables).length > 0, 'must name at least one variable')
      .openapi({ description: 'Values by key; null removes the value of a key. Keys that are left out stay as they are.', example: { MAIL_HOST: 'smtp.example.com', OLD: null } }),
  })
  .openapi('VariablesChange')

function refuseKeys(variables: Record<string, unknown>, context: z.RefinementCtx): void {
  for (const key of Object.keys(variables)) {
    const [issue] = variableKey.safeParse(key).error?.issues ?? []
    if (issue) context.addIssue({ code: 'custom', path: [key], message: issue.message })
  }
}

export const variablesImportSchema = z
  .strictObject({
    content: z.string().openapi({ description: 'Of a .env file, read as Laravel reads it.', example: 'MAIL_HOST="smtp.example.com"\n' }),
    fixed: z.enum(['refuse', 'skip'], 'must be refuse or skip').default('refuse')
      .openapi({ description: 'What becomes of variables in it that cannot be overridden.' }),
  })
  .openapi('VariablesImport')

const changedVariableSchema = z.object({
  key: z.string(),
  change: z.enum(['set', 'removed', 'unchanged']),
  version: z.int().nullable(),
  replaces: z.enum(variableSources).nullable().openapi({ description: 'Whose value it takes the place of.' }),
})

export const changedVariablesSchema = z.object({
  items: z.array(changedVariableSchema),
  warnings: z.array(z.string()),
})

export const importedVariablesSchema = changedVariablesSchema.extend({
  skipped: z.array(z.string()).openapi({ description: 'Keys that were left out, since they cannot be overridden.' }),
})

export const variableChangeSchema = z
  .object({
    id: z.uuid(),
    key: z.string(),
    version: z.int(),
    change: z.enum(['set', 'removed']),
    by: z.string().nullable(),
    at: moment,
  })
  .openapi('VariableChange')

export const presentVariableChange = ({ id, key, version, change, by, createdAt }: VariableChangeView): z.infer<typeof variableChangeSchema> => ({
  ...{ id, key, version, change, by },
  at: createdAt.toISOString(),
})

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
