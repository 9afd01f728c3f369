import type { z } from 'zod'
import { insertAttachment } from '../db/attachments.ts'
import type { Database } from '../db/connect.ts'
import { type Environment, environmentServers, lockEnvironment, routedServers } from '../db/environments.ts'
import { serversOfServices } from '../db/operation-locks.ts'
import { routesFor, routesOf } from '../db/routes.ts'
import { gatewaysOn, lockService, type Service, serviceOf } from '../db/services.ts'
import { insertSlice, type Slice } from '../db/slices.ts'
import { insertSystemVariables } from '../db/variables.ts'
import type { OrganisationId, SliceId } from '../domain/ids.ts'
import { Secret } from '../domain/secret.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ApiDependencies } from './context.ts'
import { refuseRemoving } from './in-organisation.ts'
import { invalidField, Problem } from './problem.ts'
import type { newRouteSchema } from './schemas/route.ts'
import { refuseUnreachable } from './reach.ts'
import { certificateFor } from './route-certificate.ts'
import { completeSettings } from './settings.ts'

type WishedRoute = z.output<typeof newRouteSchema>

/** The gateway that a route is for: the named one, else the only one on the environment's servers. */
export async function gatewayFor(
  { db }: ApiDependencies,
  environment: Environment,
  { gatewayServiceId }: WishedRoute,
): Promise<Service> {
  const { organisationId } = environment
  if (gatewayServiceId) {
    const named = await serviceOf(db, organisationId, gatewayServiceId)
    if (named) refuseRemoving(named)
    if (named?.category === 'gateway') return named
    throw invalidField('gatewayServiceId', 'there is no such gateway in this organisation', 'unknown_service')
  }
  const [only, ...others] = await gatewaysOn(db, organisationId, await environmentServers(db, environment.id))
  if (!only) {
    throw new Problem(
      409,
      'gateway_required',
      'No server of the environment has a gateway: create a service with the driver caddy on it.',
    )
  }
  if (others.length > 0) {
    throw invalidField('gatewayServiceId', 'is needed, since several servers of the environment have a gateway')
  }
  return only
}

/** Stores a route slice and its attachment; the first route also gives the application its address. */
export async function createRouteSlice(
  tx: Database,
  { keyring }: ApiDependencies,
  { environment, gateway, wished }: { environment: Environment; gateway: Service; wished: WishedRoute },
): Promise<Slice> {
  const { domain, tls, redirectFrom, loadBalancing, activeHealthIntervalSeconds } = wished
  await lockEnvironment(tx, environment.id)
  await lockService(tx, gateway.id)
  await refuseUnfit(tx, { organisationId: environment.organisationId, gateway, wished })
  const { serverIds: to, allowPublic } = await routedServers(tx, environment.id)
  const provided = certificateFor(wished)
  await refuseUnreachable(tx, {
    organisationId: environment.organisationId,
    ...{ from: await serversOfServices(tx, [gateway.id]), to, allowPublic },
    ...{ wish: `${gateway.name} is to route to ${environment.name}`, field: 'gatewayServiceId' },
  })
  const isPrimary = (await routesOf(tx, environment.id, { limit: 1 })).items.length === 0
  const slice = await insertSlice(tx, keyring, {
    ...{ serviceId: gateway.id, environmentId: environment.id, name: domain, type: 'route', domain },
    config: routeSettings(gateway, { tls, redirectFrom, loadBalancing, activeHealthIntervalSeconds, certificate: provided?.facts ?? null }),
    credentials: { ...provided?.certificate },
  })
  await insertAttachment(tx, {
    ...{ environmentId: environment.id, serviceId: gateway.id, serviceSliceId: slice.id },
    ...{ role: 'gateway', isPrimary },
  })
  await insertSystemVariables(tx, keyring, { environmentId: environment.id, values: { APP_URL: urlOf({ domain, tls }) } })
  return slice
}

/** What users of a route begin with. */
export const urlOf = ({ domain, tls }: { domain: string; tls: unknown }): Secret => new Secret(`${tls === 'off' ? 'http' : 'https'}://${domain}`)

interface Fitting {
  organisationId: OrganisationId
  gateway: Service
  wished: { domain: string; tls: string; redirectFrom: readonly string[] }
  /** The route's own id, where it is there already. */
  id?: SliceId
}

/** Throws a 409 or 422 where a route cannot be like this on its gateway, beside the others of the organisation. */
export async function refuseUnfit(tx: Database, { organisationId, gateway, wished, id }: Fitting): Promise<void> {
  const { domain, redirectFrom } = wished
  const othersFor = async (name: string) => (await routesFor(tx, organisationId, name)).filter((other) => other.id !== id)
  const present = await othersFor(domain)
  refuseRouted(present, { gateway, field: 'domain' })
  for (const [index, from] of redirectFrom.entries()) {
    refuseRouted(await othersFor(from), { gateway, field: `redirectFrom[${index}]` })
  }
  refuseRepeated([domain, ...redirectFrom])
  refuseWildcards(wished)
  refuseSecondGateway(present, gateway, wished)
}

export function routeSettings(service: Service, settings: object) {
  const { gateway } = serviceDriver(service.driverName).configured(service.config)
  if (!gateway) throw new Error(`${service.name} is no gateway`)
  return completeSettings(gateway.routeSchema, { ...settings }, 'route')
}

function refuseRouted(present: readonly Slice[], { gateway, field }: { gateway: Service; field: string }): void {
  if (!present.some(({ serviceId }) => serviceId === gateway.id)) return
  const message = 'this domain is routed on the gateway already: choose another, or remove that route first'
  throw new Problem(409, 'already_taken', `${field}: ${message}`, { errors: [{ field, message }] })
}

function refuseRepeated(domains: readonly string[]): void {
  const index = domains.findIndex((name, at) => domains.indexOf(name) !== at)
  if (index > 0) throw invalidField(`redirectFrom[${index - 1}]`, 'is named twice, or is the domain itself: leave it out')
}

/** A gateway proves by its own answers that a name is its: that is not taken for all names below another (RFC 8555, section 8.3). */
function refuseWildcards({ tls, domain, redirectFrom }: Fitting['wished']): void {
  const wildcard = [domain, ...redirectFrom].find((name) => name.startsWith('*.'))
  if (tls !== 'automatic' || wildcard === undefined) return
  throw invalidField('tls', `automatic certificates cannot be had for ${wildcard}: give one of your own with tls: provided`)
}

/** Each gateway would ask for a certificate of its own, and only one of them is where the domain points to (design section 7). */
function refuseSecondGateway(present: readonly Slice[], gateway: Service, { tls }: Fitting['wished']): void {
  const elsewhere = present.filter(({ serviceId }) => serviceId !== gateway.id)
  if (elsewhere.length === 0 || (tls !== 'automatic' && elsewhere.every(({ config }) => config.tls !== 'automatic'))) return
  const message = 'automatic certificates work with one gateway per domain, and this domain is routed on another one'
  throw new Problem(409, 'automatic_tls_needs_one_gateway', `tls: ${message}`, { errors: [{ field: 'tls', message }] })
}
