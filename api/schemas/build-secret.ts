import { z } from '@hono/zod-openapi'
import type { BuildSecret } from '../../db/build-secrets.ts'
import { moment } from './fields.ts'

export const newBuildSecretSchema = z
  .strictObject({ value: z.string().max(65_536, 'must have at most 65536 characters') })
  .openapi('NewBuildSecret')

export const buildSecretSchema = z
  .object({
    key: z.string().openapi({ example: 'COMPOSER_AUTH' }),
    version: z.int().openapi({ description: 'Counts the values that it had.' }),
    updatedAt: moment,
  })
  .openapi('BuildSecret')

export const presentBuildSecret = ({ key, version, updatedAt }: BuildSecret): z.infer<typeof buildSecretSchema> => ({
  ...{ key, version },
  updatedAt: updatedAt.toISOString(),
})
