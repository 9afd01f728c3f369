import { z } from '@hono/zod-openapi'
import type { Attachment } from '../../db/attachments.ts'
import { attachmentRoles } from '../../domain/services.ts'
import { label, moment, serviceIdSchema, sliceIdSchema } from './fields.ts'
import { sliceSettings } from './slice.ts'

export const newAttachmentSchema = z
  .strictObject({
    serviceId: serviceIdSchema,
    role: z.enum(attachmentRoles, `must be one of ${attachmentRoles.join(', ')}`),
    sliceId: sliceIdSchema.optional()
      .openapi({ description: 'A slice that exists, which other environments may use as well. Left out: a new one.' }),
    name: label.optional().openapi({ description: 'Name of the new slice. Left out: application and environment.' }),
    config: sliceSettings.optional(),
    envPrefix: z
      .string()
      .max(50, 'must have at most 50 characters')
      .regex(/^[A-Z][A-Z0-9_]*_$/, 'must be upper case and end in an underscore, such as ANALYTICS_')
      .nullable()
      .default(null),
    isPrimary: z.boolean().optional().openapi({ description: 'Left out: whether it is the first of its role.' }),
  })
  .refine(({ sliceId, name }) => !(sliceId && name), { path: ['name'], message: 'is for a new slice: leave out either name or sliceId' })
  .refine(({ sliceId, config }) => !(sliceId && config), { path: ['config'], message: 'is for a new slice: leave out either config or sliceId' })
  .openapi('NewAttachment')

export const attachmentSchema = z
  .object({
    id: z.uuid(),
    environmentId: z.uuid(),
    serviceId: z.uuid(),
    sliceId: z.uuid().nullable(),
    role: z.enum(attachmentRoles),
    envPrefix: z.string().nullable(),
    isPrimary: z.boolean(),
    createdAt: moment,
  })
  .openapi('Attachment')

export function presentAttachment(attachment: Attachment): z.infer<typeof attachmentSchema> {
  const { id, environmentId, serviceId, serviceSliceId, role, envPrefix, isPrimary, createdAt } = attachment
  return { id, environmentId, serviceId, sliceId: serviceSliceId, role, envPrefix, isPrimary, createdAt: createdAt.toISOString() }
}
