import { z } from '@hono/zod-openapi'
import { readWarning, type StoredWarning } from '../../domain/warnings.ts'
import { moment } from './fields.ts'

export const readyRequestSchema = z.object({ method: z.enum(['POST', 'PUT', 'PATCH']), path: z.string(), body: z.record(z.string(), z.unknown()) })

export const warningSchema = z
  .object({
    code: z.string().openapi({ example: 'queue_is_sync' }),
    message: z.string(),
    hint: z.string().nullable().openapi({ description: 'What you can do.' }),
    request: readyRequestSchema
      .nullable()
      .openapi({ description: 'A request that does what is recommended; Keystone does nothing of it unasked.' }),
  })
  .openapi('Warning')

export const checksSchema = z
  .object({
    items: z.array(warningSchema),
    operationId: z.uuid().nullable().openapi({ description: 'The operation whose plan has found them; null before the first one.' }),
    checkedAt: moment.nullable(),
  })
  .openapi('Checks')

export function presentWarning(stored: StoredWarning): z.infer<typeof warningSchema> {
  const { code, message, hint = null, request = null } = readWarning(stored)
  return { code, message, hint, request }
}
