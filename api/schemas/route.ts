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

export const newRouteSchema = z
  .strictObject({
    domain,
    tls: z.enum(tlsModes, `must be one of ${tlsModes.join(', ')}`).default('automatic').openapi({
      description:
        "`automatic`: the gateway has certificates issued and renewed by its ACME authority. `internal`: it issues them itself, and no browser trusts them. " +
        '`provided`: you give one, which may be on several gateways.',
    }),
    certificate: givenCertificateSchema.optional().openapi({ description: 'With `tls: provided`: for the domain and all of `redirectFrom`.' }),
    redirectFrom: z.array(domain).max(20, 'must have at most 20 domains').default([])
      .openapi({ description: 'Further domains, redirected to this one with 308, such as the one with `www.`.' }),
    loadBalancing: z.enum(loadBalancingPolicies, `must be one of ${loadBalancingPolicies.join(', ')}`).default('least_conn')
      .openapi({ description: 'How requests are shared out among several replicas.' }),
    activeHealthIntervalSeconds: z.int('must be a number of seconds').min(1, 'must be at least 1').max(3600, 'must be at most 3600')
      .nullable().default(null)
      .openapi({ description: 'How often the gateway asks each replica for its health path. Null: it goes by the answers to requests alone.' }),
    gatewayServiceId: serviceIdSchema.optional().openapi({ description: "Left out: the gateway on the environment's servers." }),
  })
  .openapi('NewRoute')

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
