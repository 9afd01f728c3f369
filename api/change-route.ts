import { z } from 'zod'
import type { Database } from '../db/connect.ts'
import { lockEnvironment } from '../db/environments.ts'
import { lockService, serviceOf } from '../db/services.ts'
import { changeSlice, type Slice } from '../db/slices.ts'
import { replaceSystemVariable } from '../db/variables.ts'
import type { EnvironmentId, OrganisationId } from '../domain/ids.ts'
import type { ApiDependencies } from './context.ts'
import { refuseUnfit, routeSettings, urlOf } from './new-route.ts'
import { certificateFor } from './route-certificate.ts'
import type { routeChangeSchema } from './schemas/route.ts'

interface Change {
  organisationId: OrganisationId
  environmentId: EnvironmentId
  route: Slice
  wished: z.output<typeof routeChangeSchema>
}

const stored = z.object({ tls: z.string(), redirectFrom: z.array(z.string()).default([]) })

/**
 * Stores what a route is to be from now on; the gateway does so when it is configured again. A certificate is needed anew where another
 * domain is to be covered. The application's address follows, where nobody has set another one; containers have it with the next deployment.
 */
export async function changeRoute(tx: Database, { keyring }: ApiDependencies, { organisationId, environmentId, route, wished }: Change): Promise<Slice> {
  const { id, domain, config } = route
  const { certificate: given, ...settings } = wished
  if (domain === null) throw new Error('a route has a domain')
  await lockEnvironment(tx, environmentId)
  await lockService(tx, route.serviceId)
  const gateway = await serviceOf(tx, organisationId, route.serviceId)
  if (!gateway) throw new Error(`the gateway of route ${id} does not exist`)
  const before = stored.parse(config)
  const { tls, redirectFrom } = { ...before, ...settings }
  await refuseUnfit(tx, { organisationId, gateway, id, wished: { domain, tls, redirectFrom } })
  const isCovered = tls === 'provided' && before.tls === 'provided' && redirectFrom.every((name) => before.redirectFrom.includes(name))
  const kept = isCovered && !given
  const provided = kept ? null : certificateFor({ tls, domain, redirectFrom, certificate: given })
  await replaceSystemVariable(tx, keyring, { environmentId, key: 'APP_URL', from: urlOf({ domain, tls: before.tls }), to: urlOf({ domain, tls }) })
  const next = { ...config, ...settings }
  if (kept) return changeSlice(tx, keyring, { id, config: routeSettings(gateway, next) })
  return changeSlice(tx, keyring, {
    id,
    config: routeSettings(gateway, { ...next, certificate: provided?.facts ?? null }),
    credentials: { ...provided?.certificate },
  })
}
