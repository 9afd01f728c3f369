import { and, eq, sql } from 'drizzle-orm'
import type { AttachmentId, EnvironmentId, ServiceId, SliceId } from '../domain/ids.ts'
import type { Attachment } from './attachments.ts'
import type { Database } from './connect.ts'
import { detachments, environmentAttachments, serviceSlices } from './schema/index.ts'
import { lockSlice } from './slices.ts'

/** Who uses slices: environments that are attached, and those whose containers still have the variables of what was detached. */

/** An environment that uses a slice. */
export interface SliceUse {
  sliceId: SliceId
  environmentId: EnvironmentId
  environment: string
  application: string
  /** False: it was detached, and is used until the environment's next version has taken the place of what runs. */
  isAttached: boolean
}

const hasReplicas = (environmentId: unknown) => sql`exists (
  select from service_replicas join services on services.id = service_replicas.service_id
  where services.environment_id = ${environmentId} and service_replicas.status <> 'removed')`

/** Who uses these slices, by the names of applications and environments. */
export async function usesOf(db: Database, sliceIds: readonly SliceId[]): Promise<SliceUse[]> {
  if (sliceIds.length === 0) return []
  return [
    ...(await db.execute<SliceUse & Record<string, unknown>>(sql`
      select uses.slice_id as "sliceId", environments.id as "environmentId", environments.name as environment,
             applications.name as application, bool_or(uses.is_attached) as "isAttached"
      from (
        select service_slice_id as slice_id, environment_id, true as is_attached from environment_attachments
        union all
        select service_slice_id, environment_id, false from detachments
        where not is_over and ${hasReplicas(sql`detachments.environment_id`)}
      ) uses
      join environments on environments.id = uses.environment_id
      join applications on applications.id = environments.application_id
      where uses.slice_id = any(${sql.param([...sliceIds])}::uuid[])
      group by uses.slice_id, environments.id, applications.name
      order by applications.name, environments.name`)),
  ]
}

/** Environments that are attached to a slice, and the one that it was made for. Throws where there is no such slice. */
export async function environmentsOfSlice(db: Database, id: SliceId): Promise<EnvironmentId[]> {
  const [slice] = await db.select({ environmentId: serviceSlices.environmentId }).from(serviceSlices).where(eq(serviceSlices.id, id))
  if (!slice) throw new Error(`slice ${id} does not exist`)
  const attached = await db
    .selectDistinct({ environmentId: environmentAttachments.environmentId })
    .from(environmentAttachments)
    .where(eq(environmentAttachments.serviceSliceId, id))
  return [...new Set([slice.environmentId, ...attached.map(({ environmentId }) => environmentId)])].flatMap((one) => one ?? [])
}

/** Environments that are attached to a service, or run with what was detached from them. */
export async function environmentsOfService(db: Database, serviceId: ServiceId): Promise<EnvironmentId[]> {
  const attached = db
    .select({ environmentId: environmentAttachments.environmentId })
    .from(environmentAttachments)
    .where(eq(environmentAttachments.serviceId, serviceId))
  const isUsed = and(eq(detachments.serviceId, serviceId), eq(detachments.isOver, false))
  const detached = db.select({ environmentId: detachments.environmentId }).from(detachments).where(isUsed)
  return (await attached.union(detached)).map(({ environmentId }) => environmentId)
}

/** Ends an attachment; false where it has ended before. Where its environment runs, its containers may use the slice for now. */
export async function detach(tx: Database, id: AttachmentId): Promise<boolean> {
  const [ended] = await tx.delete(environmentAttachments).where(eq(environmentAttachments.id, id)).returning()
  if (!ended?.serviceSliceId) return false
  const { environmentId, serviceId, serviceSliceId } = ended
  const slice = await lockSlice(tx, serviceSliceId)
  if ((await environmentsAttachedTo(tx, ended)).includes(environmentId)) return true
  if (slice.environmentId === environmentId) {
    await tx.update(serviceSlices).set({ environmentId: null }).where(eq(serviceSlices.id, serviceSliceId))
  }
  const isRunning = (await tx.execute(sql`select where ${hasReplicas(environmentId)}`)).length > 0
  if (!isRunning) return true
  const target = [detachments.environmentId, detachments.serviceSliceId]
  await tx.insert(detachments).values({ environmentId, serviceId, serviceSliceId }).onConflictDoUpdate({ target, set: { isOver: false } })
  return true
}

async function environmentsAttachedTo(tx: Database, { serviceSliceId }: Attachment): Promise<EnvironmentId[]> {
  if (serviceSliceId === null) return []
  const rows = await tx
    .select({ environmentId: environmentAttachments.environmentId })
    .from(environmentAttachments)
    .where(eq(environmentAttachments.serviceSliceId, serviceSliceId))
  return rows.map(({ environmentId }) => environmentId)
}

/** Whether anything was ever detached from an environment that ran. */
export async function hasDetached(db: Database, environmentId: EnvironmentId): Promise<boolean> {
  return (await db.select().from(detachments).where(eq(detachments.environmentId, environmentId)).limit(1)).length > 0
}

/** No container of the environment has variables of what was detached any more. */
export async function endDetached(tx: Database, environmentId: EnvironmentId): Promise<void> {
  await tx.update(detachments).set({ isOver: true }).where(and(eq(detachments.environmentId, environmentId), eq(detachments.isOver, false)))
}
