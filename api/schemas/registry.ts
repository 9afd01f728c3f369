import { z } from '@hono/zod-openapi'
import type { Registry } from '../../db/registries.ts'
import { registryTypes, registryUses } from '../../db/schema/access.ts'
import { label, line, moment } from './fields.ts'

const type = z.enum(registryTypes, `must be one of ${registryTypes.join(', ')}`)

/** Where clients ask: no path, for the API's begins at the root (OCI distribution specification, section "Endpoints"). */
const url = line(300)
  .transform((text) => text.replace(/\/$/, ''))
  .refine(isOrigin, 'must be an address such as https://registry.example.com, with a port where it has one and without a path')
  .openapi({ example: 'https://registry.example.com' })

function isOrigin(text: string): boolean {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false
  const { origin, username, password } = new URL(text)
  return username === '' && password === '' && origin === text.toLowerCase()
}

const namespace = z
  .string()
  .trim()
  .max(200, 'must have at most 200 characters')
  .regex(
    /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/,
    'must be what stands before the name of an image, such as team or team/project, in lower case',
  )
  .openapi({ example: 'team', description: 'User, organisation or project that images lie under.' })

const insecure = z
  .enum(['no', 'plain_http'], 'must be one of no, plain_http')
  .openapi({ description: '`plain_http`: images and the password travel unencrypted. The Docker of each server has to be told as well.' })

const use = z
  .enum(registryUses, `must be one of ${registryUses.join(', ')}`)
  .openapi({ description: '`push`: builds are stored there. `pull`: it only has images that were made elsewhere.' })

const fields = {
  name: label.openapi({ example: 'main' }),
  url: url.optional(),
  namespace: namespace.nullable().optional(),
  username: line(255).nullable().optional(),
  password: z.string().min(1, 'must not be empty').max(8192, 'must have at most 8192 characters').nullable().optional()
    .openapi({ description: 'Password or token; it is never shown.' }),
}

export const newRegistrySchema = z
  .strictObject({ ...fields, type, insecure: insecure.default('no'), use: use.default('push') })
  .openapi('NewRegistry')

export const registryChangeSchema = z
  .strictObject({ ...fields, name: fields.name.optional(), insecure: insecure.optional(), use: use.optional() })
  .openapi('RegistryChange', { description: 'What is left out stays.' })

export const registrySchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    type,
    url: z.string(),
    namespace: z.string().nullable(),
    username: z.string().nullable(),
    insecure,
    use,
    verifiedAt: moment.nullable().openapi({ description: 'When it last took the credentials.' }),
    createdAt: moment,
    updatedAt: moment,
  })
  .openapi('Registry')

export function presentRegistry(registry: Registry): z.infer<typeof registrySchema> {
  const { id, name, type: kind, url: address, namespace: below, username, insecure: isInsecure, use: usedFor } = registry
  return {
    ...{ id, name, type: kind, url: address, namespace: below, username, insecure: isInsecure, use: usedFor },
    verifiedAt: registry.verifiedAt && registry.verifiedAt.toISOString(),
    createdAt: registry.createdAt.toISOString(),
    updatedAt: registry.updatedAt.toISOString(),
  }
}
