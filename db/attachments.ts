import { and, desc, eq } from 'drizzle-orm'
import type { AttachmentId, EnvironmentId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { environmentAttachments, services, serviceSlices } from './schema/index.ts'

/** What ties an environment to a slice of a service. */
export type Attachment = typeof environmentAttachments.$inferSelect

/** Stores a new attachment. */
export async function insertAttachment(db: Database, values: typeof environmentAttachments.$inferInsert): Promise<Attachment> {
  const [created] = await db.insert(environmentAttachments).values(values).returning()
  if (!created) throw new Error('the attachment was not stored')
  return created
}

/** Attachments of an environment, newest first. */
export async function attachmentsOf(db: Database, environmentId: EnvironmentId, page: PageRequest): Promise<Page<Attachment>> {
  const rows = await db
    .select()
    .from(environmentAttachments)
    .where(and(eq(environmentAttachments.environmentId, environmentId), behindCursor(environmentAttachments.id, page)))
    .orderBy(desc(environmentAttachments.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

/** One attachment of an environment; null where it has none of this id. */
export async function attachmentOf(db: Database, environmentId: EnvironmentId, id: AttachmentId): Promise<Attachment | null> {
  const isNamed = and(eq(environmentAttachments.environmentId, environmentId), eq(environmentAttachments.id, id))
  const [found] = await db.select().from(environmentAttachments).where(isNamed)
  return found ?? null
}

/** Every attachment of an environment with its service's driver and its slice's configuration. */
export async function attachedSlices(db: Database, environmentId: EnvironmentId) {
  return db
    .select({
      attachmentId: environmentAttachments.id,
      role: environmentAttachments.role,
      envPrefix: environmentAttachments.envPrefix,
      isPrimary: environmentAttachments.isPrimary,
      serviceId: services.id,
      driverName: services.driverName,
      sliceId: serviceSlices.id,
      config: serviceSlices.config,
    })
    .from(environmentAttachments)
    .innerJoin(services, eq(services.id, environmentAttachments.serviceId))
    .innerJoin(serviceSlices, eq(serviceSlices.id, environmentAttachments.serviceSliceId))
    .where(eq(environmentAttachments.environmentId, environmentId))
}
/** An attachment with what is behind it; no credentials. */
export type AttachedSlice = Awaited<ReturnType<typeof attachedSlices>>[number]

/** Services that an environment is attached to, its gateways among them. */
export async function attachedServices(db: Database, environmentId: EnvironmentId) {
  return db
    .selectDistinct({ id: services.id, name: services.name, category: services.category, allowPublic: services.allowPublic })
    .from(environmentAttachments)
    .innerJoin(services, eq(services.id, environmentAttachments.serviceId))
    .where(eq(environmentAttachments.environmentId, environmentId))
}
