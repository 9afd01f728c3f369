import { and, eq, inArray, isNotNull, isNull, ne, or, sql } from 'drizzle-orm'
import type { OrganisationId, ServerId, ServiceId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { buildArtifacts, serviceReplicas, services } from './schema/index.ts'

/** Images of services that stand on their own: what they run from, and what their registries have by now (specification section 9). */

/** Services that run from an image that was resolved from a tag, of one organisation or of all. */
export async function managedServices(db: Database, organisationId?: OrganisationId) {
  const { id, driverName, config } = services
  return db
    .select({ id, organisationId: services.organisationId, driverName, config })
    .from(services)
    .where(
      and(
        isNull(services.environmentId),
        isNotNull(services.currentImageDigest),
        ne(services.status, 'removed'),
        organisationId ? eq(services.organisationId, organisationId) : undefined,
      ),
    )
    .orderBy(services.id)
}

/** What their tag stands for at this moment, `name@sha256:…`; nothing else changes by it. */
export async function recordAvailable(db: Database, ids: readonly ServiceId[], image: string): Promise<void> {
  const updateStatus = sql<'current' | 'available'>`case when ${services.currentImageDigest} = ${image} then 'current' else 'available' end`
  const isNews = or(sql`${services.availableImageDigest} is distinct from ${image}`, sql`${services.updateStatus} <> ${updateStatus}`)
  await db.update(services).set({ availableImageDigest: image, updateStatus }).where(and(inArray(services.id, [...ids]), isNews))
}

/** A service runs from this image, `name@sha256:…`; the first one that it has is the newest that is known. */
export async function recordImage(tx: Database, id: ServiceId, image: string): Promise<void> {
  const available = sql<string>`coalesce(${services.availableImageDigest}, ${image})`
  const updateStatus = sql<'current' | 'available'>`case when ${available} = ${image} then 'current' else 'available' end`
  await tx.update(services).set({ currentImageDigest: image, availableImageDigest: available, updateStatus }).where(eq(services.id, id))
}

/** Whether a container on a server was made from an image, `name@sha256:…`, or a release may need it. */
export async function isImageNeeded(db: Database, { serverId, image }: { serverId: ServerId; image: string }): Promise<boolean> {
  const isOfReplica = and(eq(serviceReplicas.serverId, serverId), eq(serviceReplicas.imageDigest, image), ne(serviceReplicas.status, 'removed'))
  const [replica] = await db.select().from(serviceReplicas).where(isOfReplica).limit(1)
  if (replica) return true
  const isOfRelease = and(eq(buildArtifacts.imageDigest, image), eq(buildArtifacts.status, 'available'))
  return (await db.select().from(buildArtifacts).where(isOfRelease).limit(1)).length > 0
}
