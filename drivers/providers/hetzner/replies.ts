import { z } from 'zod'

/** What is read of the replies of the Hetzner Cloud API (docs.hetzner.cloud); what else they have may change. */

const labels = z.record(z.string(), z.string())

export const keySchema = z.object({ id: z.number(), name: z.string(), labels })

export const networkSchema = z.object({
  id: z.number(),
  name: z.string(),
  labels,
  subnets: z.array(z.object({ network_zone: z.string() })),
  servers: z.array(z.number()),
})

export const serverSchema = z.object({
  id: z.number(),
  name: z.string(),
  /** `running` is what all of them come to. */
  status: z.string(),
  labels,
  public_net: z.object({ ipv4: z.object({ ip: z.string() }).nullable() }),
  private_net: z.array(z.object({ network: z.number(), ip: z.string() })),
})
export type HetznerServer = z.infer<typeof serverSchema>

export const actionSchema = z.object({
  id: z.number(),
  command: z.string(),
  status: z.enum(['running', 'success', 'error']),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
})
export type Action = z.infer<typeof actionSchema>

export const locationSchema = z.object({ name: z.string(), city: z.string(), country: z.string(), network_zone: z.string() })

const price = z.object({ net: z.string(), gross: z.string() })
const deprecation = z.object({ unavailable_after: z.string() }).nullish()

export const typeSchema = z.object({
  name: z.string(),
  cores: z.number(),
  /** In GB. */
  memory: z.number(),
  disk: z.number(),
  cpu_type: z.enum(['shared', 'dedicated']),
  architecture: z.enum(['x86', 'arm']),
  deprecation,
  prices: z.array(z.object({ location: z.string(), price_hourly: price, price_monthly: price })),
  locations: z.array(z.object({ name: z.string(), available: z.boolean().optional(), deprecation })).optional(),
})
export type HetznerType = z.infer<typeof typeSchema>

export const imageSchema = z.object({
  name: z.string().nullable(),
  description: z.string(),
  status: z.string(),
  architecture: z.enum(['x86', 'arm']),
  deprecated: z.string().nullish(),
})

export const pricingSchema = z.object({ pricing: z.object({ currency: z.string() }) })

/** A page of a list; `next_page` is null on the last one. */
export const pageSchema = z.object({ meta: z.object({ pagination: z.object({ next_page: z.number().nullable() }) }) })

export const errorSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.object({ fields: z.array(z.object({ name: z.string() })).optional() }).nullish().catch(null),
  }),
})
