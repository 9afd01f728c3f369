import { z } from '@hono/zod-openapi'
import type { Slice } from '../../db/slices.ts'
import { sliceStatuses } from '../../db/schema/services.ts'
import { dnsRecordTypes, dnsStatuses } from '../../domain/dns.ts'
import { certificateFacts } from '../../drivers/services/certificate.ts'
import { domain, moment, serviceIdSchema, settings } from './fields.ts'

const tlsModes = ['automatic', 'internal', 'provided', 'off'] as const
const loadBalancingPolicies = ['least_conn', 'round_robin', 'random', 'ip_hash', 'cookie'] as const

const pem = (kilobytes: number) => z.string().max(kilobytes * 1024, `must have at most ${kilobytes} KB`)

export const givenCertificateSchema = z
  .strictObject({
    chain: pem(64).openapi({ description: "PEM: the domain's own certificate, then its issuer's, and so on; the last one, which browsers know, may be left out." }),
    privateKey: pem(16).openapi({ description: 'PEM, without a passphrase; it is never shown.' }),
  })
  .openapi('GivenCertificate')

const tls = z.enum(tlsModes, `must be one of ${tlsModes.join(', ')}`).openapi({
  description:
    "`automatic`: the gateway has certificates issued and renewed by its ACME authority. `internal`: it issues them itself, and no browser trusts them. " +
    '`provided`: you give one, which may be on several gateways.',
})
const certificate = givenCertificateSchema.openapi({ description: 'With `tls: provided`: for the domain and all of `redirectFrom`.' })
const redirectFrom = z.array(domain).max(20, 'must have at most 20 domains')
  .openapi({ description: 'Further domains, redirected to this one with 308, such as the one with `www.`.' })
const loadBalancing = z.enum(loadBalancingPolicies, `must be one of ${loadBalancingPolicies.join(', ')}`)
  .openapi({ description: 'How requests are shared out among several replicas.' })
const activeHealthIntervalSeconds = z.int('must be a number of seconds').min(1, 'must be at least 1').max(3600, 'must be at most 3600').nullable()
  .openapi({ description: 'How often the gateway asks each replica for its health path. Null: it goes by the answers to requests alone.' })

export const newRouteSchema = z
  .strictObject({
    domain,
    tls: tls.default('automatic'),
    certificate: certificate.optional(),
    redirectFrom: redirectFrom.default([]),
    loadBalancing: loadBalancing.default('least_conn'),
    activeHealthIntervalSeconds: activeHealthIntervalSeconds.default(null),
    gatewayServiceId: serviceIdSchema.optional().openapi({ description: "Left out: the gateway on the environment's servers." }),
  })
  .openapi('NewRoute')

export const routeChangeSchema = z
  .strictObject({
    tls: tls.optional(),
    certificate: certificate.optional(),
    redirectFrom: redirectFrom.optional(),
    loadBalancing: loadBalancing.optional(),
    activeHealthIntervalSeconds: activeHealthIntervalSeconds.optional(),
  })
  .openapi('RouteChange')

export const routeSchema = z
  .object({
    id: z.uuid(),
    environmentId: z.uuid().nullable(),
    gatewayServiceId: z.uuid(),
    domain: z.string().nullable(),
    status: z.enum(sliceStatuses),
    config: settings,
    certificate: certificateFacts.nullable().openapi({ description: 'What you gave with `tls: provided`; null for the other modes.' }),
    createdAt: moment,
    updatedAt: moment,
  })
  .openapi('Route')

export const dnsSchema = z
  .object({
    isReady: z.boolean().openapi({ description: 'Whether every record is right: then users come to the gateways, and automatic certificates can be had.' }),
    records: z.array(
      z.object({
        name: z.string(),
        type: z.enum(dnsRecordTypes),
        expected: z.array(z.string()),
        found: z.array(z.string()),
        status: z.enum(dnsStatuses).openapi({
          description: '`partly`: some of the gateways are named. `elsewhere`: something is named that is none of them, a proxy for instance.',
        }),
      }),
    ),
  })
  .openapi('RouteDns')

export function presentRoute(slice: Slice): z.infer<typeof routeSchema> {
  const { id, environmentId, serviceId, domain: name, status, createdAt, updatedAt } = slice
  const { certificate, ...config } = slice.config
  return {
    ...{ id, environmentId, gatewayServiceId: serviceId, domain: name, status, config },
    certificate: certificateFacts.nullable().default(null).parse(certificate),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}
