import { createRoute, z } from '@hono/zod-openapi'
import type { Database } from '../../db/connect.ts'
import { locksOfSlice } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import type { Environment } from '../../db/environments.ts'
import { addressesOf, routesFor, routesOf } from '../../db/routes.ts'
import type { Slice } from '../../db/slices.ts'
import { askedName, dnsStatus, expectedRecords } from '../../domain/dns.ts'
import { requires } from '../authentication.ts'
import { changeRoute } from '../change-route.ts'
import { commit } from '../commit.ts'
import { type ApiContext, type ApiDependencies, createRouter } from '../context.ts'
import { environmentIn, routeIn } from '../in-organisation.ts'
import { createRouteSlice, gatewayFor } from '../new-route.ts'
import { acceptedWith, requestedBy } from '../operation-request.ts'
import { requestRemoval } from '../removal.ts'
import { domainsOf, replaceCertificate } from '../route-certificate.ts'
import { body, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneEnvironment, oneRoute } from '../schemas/params.ts'
import { dnsProblems, readProblems, writeProblems } from '../schemas/problem.ts'
import { dnsSchema, givenCertificateSchema, newRouteSchema, presentRoute, routeChangeSchema, routeSchema } from '../schemas/route.ts'

const path = '/organisations/{organisationId}/environments/{environmentId}/routes'
const tags = ['Routes']

const configuring = json(
  'The route, and the operation that configures the gateway',
  z.object({ route: routeSchema, operation: operationSchema }),
)

const create = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Route a domain to the web service of an environment',
  middleware: requires('admin'),
  request: { params: oneEnvironment, headers: onceHeaders, body: body(newRouteSchema) },
  responses: { 202: configuring, ...writeProblems },
})

const certify = createRoute({
  method: 'put',
  path: `${path}/{routeId}/certificate`,
  tags,
  summary: 'Give a route with `tls: provided` another certificate, without an interruption',
  middleware: requires('admin'),
  request: { params: oneRoute, body: body(givenCertificateSchema) },
  responses: { 202: configuring, ...writeProblems },
})

const change = createRoute({
  method: 'patch',
  path: `${path}/{routeId}`,
  tags,
  summary: 'Change how a route is served, without an interruption; what is left out stays',
  description: 'Problems: already_taken, automatic_tls_needs_one_gateway.',
  middleware: requires('admin'),
  request: { params: oneRoute, body: body(routeChangeSchema) },
  responses: { 202: configuring, ...writeProblems },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Routes of an environment',
  middleware: requires('viewer'),
  request: { params: oneEnvironment, query: pageQuery },
  responses: { 200: json('A page of routes', pageOf(routeSchema)), ...readProblems },
})

const read = createRoute({
  method: 'get',
  path: `${path}/{routeId}`,
  tags,
  summary: 'One route',
  middleware: requires('viewer'),
  request: { params: oneRoute },
  responses: { 200: json('The route', routeSchema), ...readProblems },
})

const remove = createRoute({
  method: 'delete',
  path: `${path}/{routeId}`,
  tags,
  summary: 'Take a route from its gateway; what it led to goes on',
  middleware: requires('admin'),
  request: { params: oneRoute },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

const dns = createRoute({
  method: 'get',
  path: `${path}/{routeId}/dns`,
  tags,
  summary: 'The DNS records that a route needs, and what the DNS has',
  middleware: requires('viewer'),
  request: { params: oneRoute },
  responses: { 200: json('The records, as the DNS has them at this moment', dnsSchema), ...dnsProblems },
})

export function routeRoutes(deps: ApiDependencies) {
  const { db } = deps
  return createRouter()
    .openapi(create, async (c) => {
      const environment = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const wished = c.req.valid('json')
      const gateway = await gatewayFor(deps, environment, wished)
      const { body: created, status, headers } = await commit(deps, c, async (tx) => {
        const slice = await createRouteSlice(tx, deps, { environment, gateway, wished })
        const operation = await requestConfigure(tx, c, slice)
        return {
          ...acceptedWith(deps, operation, { route: presentRoute(slice) }),
          event: { action: 'route.created', targetType: 'slice', targetId: slice.id, details: told(wished, slice) },
        }
      })
      return c.json(created, status, headers)
    })

    .openapi(change, async (c) => {
      const { environmentId, routeId } = c.req.valid('param')
      const { id, organisationId } = await environmentIn(deps, c, environmentId)
      const wished = c.req.valid('json')
      const { body: changed, status, headers } = await commit(deps, c, async (tx) => {
        const route = await routeIn({ db: tx }, id, routeId)
        const slice = await changeRoute(tx, deps, { organisationId, environmentId: id, route, wished })
        const operation = await requestConfigure(tx, c, slice)
        return {
          ...acceptedWith(deps, operation, { route: presentRoute(slice) }),
          event: { action: 'route.changed', targetType: 'slice', targetId: slice.id, details: told({ domain: slice.domain, ...wished }, slice) },
        }
      })
      return c.json(changed, status, headers)
    })

    .openapi(certify, async (c) => {
      const { environmentId, routeId } = c.req.valid('param')
      const { id } = await environmentIn(deps, c, environmentId)
      const { body: changed, status, headers } = await commit(deps, c, async (tx) => {
        const route = await routeIn({ db: tx }, id, routeId)
        const slice = await replaceCertificate(tx, deps, { route, given: c.req.valid('json') })
        const operation = await requestConfigure(tx, c, slice)
        return {
          ...acceptedWith(deps, operation, { route: presentRoute(slice) }),
          event: { action: 'route.certified', targetType: 'slice', targetId: slice.id, details: told({ domain: slice.domain }, slice) },
        }
      })
      return c.json(changed, status, headers)
    })

    .openapi(remove, async (c) => {
      const { environmentId, routeId } = c.req.valid('param')
      const environment = await environmentIn(deps, c, environmentId)
      const { id, name } = await routeIn(deps, environment.id, routeId)
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        const target = { kind: 'route_remove', targetType: 'slice', targetId: id, name: `route ${name}` } as const
        return requestRemoval(deps, tx, c, { ...target, locks: await locksOfSlice(tx, id) })
      })
      return c.json(operation, status, headers)
    })

    .openapi(list, async (c) => {
      const environment = await environmentIn(deps, c, c.req.valid('param').environmentId)
      return c.json(presented(await routesOf(db, environment.id, c.req.valid('query')), presentRoute), 200)
    })

    .openapi(read, async (c) => {
      const { environmentId, routeId } = c.req.valid('param')
      const { id } = await environmentIn(deps, c, environmentId)
      return c.json(presentRoute(await routeIn(deps, id, routeId)), 200)
    })

    .openapi(dns, async (c) => {
      const { environmentId, routeId } = c.req.valid('param')
      const environment = await environmentIn(deps, c, environmentId)
      return c.json(await dnsOf(deps, environment, await routeIn(deps, environment.id, routeId)), 200)
    })
}

/** A domain needs the addresses of all gateways that answer for it. */
async function dnsOf({ db, dns: resolver }: ApiDependencies, { organisationId }: Environment, route: Slice) {
  const domains = domainsOf(route)
  const [own = ''] = domains
  const addresses = await addressesOf(db, await routesFor(db, organisationId, own))
  const records = await Promise.all(
    expectedRecords(domains, addresses).map(async ({ name, type, values }) => {
      const found = await resolver.find(askedName(name), type)
      return { name, type, expected: values, found, status: dnsStatus(values, found) }
    }),
  )
  return { isReady: records.every(({ status }) => status === 'right'), records }
}

/** For the audit: of a certificate what is known of it, never itself. */
const told = (wished: object, { config }: Slice) => ({ ...wished, certificate: config.certificate ?? null })

async function requestConfigure(tx: Database, c: ApiContext, { id, name }: Slice) {
  return requestOperation(tx, {
    ...requestedBy(c),
    kind: 'slice_configure',
    targetType: 'slice',
    targetId: id,
    summary: `route ${name}`,
    locks: await locksOfSlice(tx, id),
  })
}
