import { and, desc, eq, inArray, ne, sql } from 'drizzle-orm'
import type { EnvironmentId, OrganisationId, SliceId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { servers, services, serviceSlices } from './schema/index.ts'
import { type Slice, sliceColumns } from './slices.ts'

const isRoute = and(eq(serviceSlices.type, 'route'), ne(serviceSlices.status, 'removed'))

/** Routes of an environment, newest first. */
export async function routesOf(db: Database, environmentId: EnvironmentId, page: PageRequest): Promise<Page<Slice>> {
  const rows = await db
    .select(sliceColumns)
    .from(serviceSlices)
    .where(and(isRoute, eq(serviceSlices.environmentId, environmentId), behindCursor(serviceSlices.id, page)))
    .orderBy(desc(serviceSlices.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

/** One route of an environment; null where it has none of this id. */
export async function routeOf(db: Database, environmentId: EnvironmentId, id: SliceId): Promise<Slice | null> {
  const [route] = await db
    .select(sliceColumns)
    .from(serviceSlices)
    .where(and(isRoute, eq(serviceSlices.environmentId, environmentId), eq(serviceSlices.id, id)))
  return route ?? null
}

/** Addresses of the servers whose gateways have these routes. */
export async function addressesOf(db: Database, routes: readonly Slice[]): Promise<string[]> {
  const rows = await db
    .select({ address: servers.address })
    .from(services)
    .innerJoin(servers, eq(servers.id, services.gatewayServerId))
    .where(inArray(services.id, routes.map(({ serviceId }) => serviceId)))
  return rows.flatMap(({ address }) => address ?? [])
}

/** Routes of the organisation that answer for a domain or redirect from it, whichever gateway they are on. */
export async function routesFor(db: Database, organisationId: OrganisationId, domain: string): Promise<Slice[]> {
  return db
    .select(sliceColumns)
    .from(serviceSlices)
    .innerJoin(services, eq(services.id, serviceSlices.serviceId))
    .where(and(isRoute, eq(services.organisationId, organisationId), sql`(lower(${serviceSlices.domain}) = lower(${domain}) or ${serviceSlices.config} -> 'redirectFrom' ? lower(${domain}))`))
}
