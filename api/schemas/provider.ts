import { z } from '@hono/zod-openapi'
import type { StoredProvider } from '../../db/providers.ts'
import { providerTypes } from '../../domain/providers.ts'
import { Secret } from '../../domain/secret.ts'
import { label, line, moment } from './fields.ts'

const type = z.enum(providerTypes, `must be one of ${providerTypes.join(', ')}`)

const token = line(1024).transform((text) => new Secret(text))
  .openapi({ type: 'string', description: 'With the right to read and write; it is never shown.' })

export const newProviderSchema = z.strictObject({ name: label.openapi({ example: 'hetzner' }), type, token }).openapi('NewProvider')

export const providerChangeSchema = z.strictObject({ token }).openapi('ProviderChange')

export const providerSchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    type,
    verifiedAt: moment.nullable().openapi({ description: 'When it last took the token.' }),
    createdAt: moment,
    updatedAt: moment,
  })
  .openapi('Provider')

export const leaveQuery = z.strictObject({
  leave: z.enum(['true', 'false'], 'must be true or false').default('false')
    .openapi({ description: '`true`: without asking the provider, for a token that does not work any more. Private networks of Keystone stay there then.' }),
})

const price = z.object({ net: z.string(), gross: z.string() }).openapi({ example: { net: '3.79', gross: '4.51' } })
const architecture = z.enum(['amd64', 'arm64'])

export const catalogueSchema = z
  .object({
    currency: z.string().openapi({ example: 'EUR' }),
    locations: z.array(
      z.object({
        ...{ name: z.string(), city: z.string(), country: z.string() },
        zone: z.string().openapi({ description: 'Servers in one zone can be in one private network.' }),
      }),
    ),
    types: z.array(
      z.object({
        ...{ name: z.string(), architecture, cpus: z.int(), cpuSharing: z.enum(['shared', 'dedicated']), memoryMb: z.int(), diskGb: z.int() },
        offers: z.array(
          z.object({
            location: z.string(),
            isAvailable: z.boolean().openapi({ description: 'False: it is sold out there at the moment.' }),
            hourly: price,
            monthly: price,
          }),
        ),
      }),
    ),
    images: z.array(z.object({ name: z.string(), description: z.string(), architectures: z.array(architecture) })),
  })
  .openapi('Catalogue', { description: 'What can be bought of what Keystone can make a server of.' })

export const newPurchaseSchema = z
  .strictObject({
    name: label,
    location: line(63).openapi({ example: 'fsn1' }),
    type: line(63).openapi({ example: 'cx22' }),
    image: line(63).openapi({ example: 'debian-13' }),
    privateNetwork: label.nullable().default(null)
      .openapi({ description: 'Servers bought with the same name here reach each other privately; the network is made with the first of them.' }),
  })
  .openapi('NewPurchase')

export function presentProvider({ id, name, type: kind, verifiedAt, createdAt, updatedAt }: StoredProvider): z.infer<typeof providerSchema> {
  const moments = { verifiedAt: verifiedAt && verifiedAt.toISOString(), createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() }
  return { id, name, type: kind, ...moments }
}
