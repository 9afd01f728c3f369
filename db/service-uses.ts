import { and, eq, ne, sql } from 'drizzle-orm'
import type { ServiceId } from '../domain/ids.ts'
import type { ServiceUses } from '../domain/removals.ts'
import type { Database } from './connect.ts'
import { applications, environments, services, serviceSlices } from './schema/index.ts'
import { usesOf } from './slice-uses.ts'
import { slicesWithin } from './slices.ts'

const environmentName = sql<string>`${environments.name} || ' of ' || ${applications.name}`
const isPresent = ne(environments.status, 'removed')

/** Who needs a service at this moment. */
export async function usesOfService(db: Database, id: ServiceId): Promise<ServiceUses> {
  return {
    attached: await slicesInUse(db, id),
    routes: await routesOf(db, id),
    builtFor: await environmentsBuiltBy(db, id),
    ...(await partIn(db, id)),
  }
}

async function slicesInUse(db: Database, id: ServiceId) {
  const slices = new Map((await slicesWithin(db, id)).map((slice) => [slice.id, slice.name]))
  const uses = await usesOf(db, [...slices.keys()])
  return uses.map(({ sliceId, environment, application }) => ({ environment: `${environment} of ${application}`, slice: slices.get(sliceId) ?? sliceId }))
}

async function routesOf(db: Database, id: ServiceId) {
  const rows = await db
    .select({ environment: environmentName, domain: serviceSlices.domain })
    .from(serviceSlices)
    .innerJoin(environments, eq(environments.id, serviceSlices.environmentId))
    .innerJoin(applications, eq(applications.id, environments.applicationId))
    .where(and(eq(serviceSlices.serviceId, id), eq(serviceSlices.type, 'route'), ne(serviceSlices.status, 'removed')))
  return rows.map(({ environment, domain }) => ({ environment, domain: domain ?? '' }))
}

async function environmentsBuiltBy(db: Database, id: ServiceId): Promise<string[]> {
  const rows = await db
    .select({ environment: environmentName })
    .from(environments)
    .innerJoin(applications, eq(applications.id, environments.applicationId))
    .where(and(eq(environments.builderServiceId, id), isPresent))
  return rows.map(({ environment }) => environment)
}

/** What a service is to its environment. */
async function partIn(db: Database, id: ServiceId): Promise<Pick<ServiceUses, 'isPrimary' | 'isScheduled'>> {
  const [row] = await db
    .select({
      isPrimary: sql<boolean>`${services.processRoles} ? 'web'`,
      isScheduled: sql<boolean>`${environments.schedulerEnabled} and ${environments.schedulerTargetServiceId} is not distinct from ${services.id}`,
    })
    .from(services)
    .innerJoin(environments, eq(environments.id, services.environmentId))
    .where(eq(services.id, id))
  return row ?? { isPrimary: false, isScheduled: false }
}

/** Environments, as `production of shop`, that notice when a service does not run: its own, those attached, and those that it routes to. */
export async function environmentsThatNotice(db: Database, id: ServiceId): Promise<string[]> {
  const { attached, routes } = await usesOfService(db, id)
  const [own] = await db
    .select({ environment: environmentName })
    .from(services)
    .innerJoin(environments, eq(environments.id, services.environmentId))
    .innerJoin(applications, eq(applications.id, environments.applicationId))
    .where(eq(services.id, id))
  return [...new Set([...attached, ...routes, ...(own ? [own] : [])].map(({ environment }) => environment))].toSorted()
}
