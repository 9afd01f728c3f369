import { and, desc, eq, ne, sql } from 'drizzle-orm'
import type { EnvironmentId, OrganisationId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { services, serviceSlices } from './schema/index.ts'
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

/** Routes of the organisation that answer for a domain or redirect from it, whichever gateway they are on. */
export async function routesFor(db: Database, organisationId: OrganisationId, domain: string): Promise<Slice[]> {
  return db
    .select(sliceColumns)
    .from(serviceSlices)
    .innerJoin(services, eq(services.id, serviceSlices.serviceId))
    .where(and(isRoute, eq(services.organisationId, organisationId), sql`(lower(${serviceSlices.domain}) = lower(${domain}) or ${serviceSlices.config} -> 'redirectFrom' ? lower(${domain}))`))
}
