import { and, desc, eq, ne, sql } from 'drizzle-orm'
import type { ApplicationId, EnvironmentId, OrganisationId, ServerId, ServiceId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { environments, servicePlacements, services } from './schema/index.ts'

/** A stage of an application, such as production. */
export type Environment = typeof environments.$inferSelect

const present = (organisationId: OrganisationId) =>
  and(eq(environments.organisationId, organisationId), ne(environments.status, 'removed'))

/** Environments of the organisation, or of one of its applications. */
export async function environmentsOf(
  db: Database,
  { organisationId, applicationId }: { organisationId: OrganisationId; applicationId?: ApplicationId | undefined },
  page: PageRequest,
): Promise<Page<Environment>> {
  const rows = await db
    .select()
    .from(environments)
    .where(
      and(
        present(organisationId),
        applicationId ? eq(environments.applicationId, applicationId) : undefined,
        behindCursor(environments.id, page),
      ),
    )
    .orderBy(desc(environments.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

/** One environment of the organisation; null where it has none of this id, or it was removed. */
export async function environmentOf(
  db: Database,
  organisationId: OrganisationId,
  id: EnvironmentId,
): Promise<Environment | null> {
  const [found] = await db.select().from(environments).where(and(present(organisationId), eq(environments.id, id)))
  return found ?? null
}

/** Takes the row of an environment until the transaction ends, so that its parts change one after the other. */
export async function lockEnvironment(tx: Database, id: EnvironmentId): Promise<void> {
  await tx.select({ id: environments.id }).from(environments).where(eq(environments.id, id)).for('update')
}

/** Stores a new environment. */
export async function insertEnvironment(db: Database, values: typeof environments.$inferInsert): Promise<Environment> {
  const [created] = await db.insert(environments).values(values).returning()
  if (!created) throw new Error('the environment was not stored')
  return created
}

/** The scheduler runs on a replica of this service (specification section 8). */
export async function setSchedulerTarget(db: Database, id: EnvironmentId, serviceId: ServiceId): Promise<Environment> {
  const [updated] = await db
    .update(environments)
    .set({ schedulerTargetServiceId: serviceId })
    .where(eq(environments.id, id))
    .returning()
  if (!updated) throw new Error(`environment ${id} does not exist`)
  return updated
}

/** What a user may change of an environment; the next deploy goes by it. */
export type EnvironmentChange = Partial<
  Pick<
    Environment,
    | ('releaseRetention' | 'rolloutBatchSize' | 'registryId' | 'buildStrategy' | 'builderServiceId' | 'image' | 'buildConfig')
    | ('deployOnPush' | 'deployTags' | 'triggerPaths' | 'branchCheckMinutes')
    | ('schedulerEnabled' | 'schedulerTargetServiceId' | 'schedulerMode')
  >
>

/** Changes an environment of the organisation; null where it has none of this id. */
export async function changeEnvironment(
  db: Database,
  { organisationId, id, change }: { organisationId: OrganisationId; id: EnvironmentId; change: EnvironmentChange },
): Promise<Environment | null> {
  const [changed] = await db
    .update(environments)
    .set({ ...change, updatedAt: sql`now()` })
    .where(and(present(organisationId), eq(environments.id, id)))
    .returning()
  return changed ?? null
}

/** The servers on which the environment's web and websocket services are placed, and whether all of these may be reached publicly. */
export async function routedServers(db: Database, id: EnvironmentId): Promise<{ serverIds: ServerId[]; allowPublic: boolean }> {
  const rows = await db
    .selectDistinct({ serverId: servicePlacements.serverId, allowPublic: services.allowPublic })
    .from(servicePlacements)
    .innerJoin(services, eq(services.id, servicePlacements.serviceId))
    .where(and(eq(services.environmentId, id), ne(services.status, 'removed'), sql`${services.processRoles} ?| array['web', 'websocket']`))
  return { serverIds: [...new Set(rows.map(({ serverId }) => serverId))], allowPublic: rows.every(({ allowPublic }) => allowPublic) }
}

/** The servers on which the environment's own services are placed. */
export async function environmentServers(db: Database, id: EnvironmentId): Promise<ServerId[]> {
  const rows = await db
    .selectDistinct({ serverId: servicePlacements.serverId })
    .from(servicePlacements)
    .innerJoin(services, eq(services.id, servicePlacements.serviceId))
    .where(and(eq(services.environmentId, id), ne(services.status, 'removed')))
  return rows.map(({ serverId }) => serverId)
}

/** The service that builds the environment's images, where it is a dedicated one. */
export async function buildersOf(db: Database, id: EnvironmentId): Promise<ServiceId[]> {
  const rows = await db.select({ id: environments.builderServiceId }).from(environments).where(eq(environments.id, id))
  return rows.flatMap((row) => row.id ?? [])
}

/** Names of the environments that an application has. */
export async function environmentNamesOf(db: Database, applicationId: ApplicationId): Promise<string[]> {
  const isPresent = and(eq(environments.applicationId, applicationId), ne(environments.status, 'removed'))
  return (await db.select({ name: environments.name }).from(environments).where(isPresent)).map(({ name }) => name)
}
