import type { z } from 'zod'
import type { Application } from '../db/applications.ts'
import { type AttachedSlice, attachedSlices, type Attachment, insertAttachment } from '../db/attachments.ts'
import type { Database } from '../db/connect.ts'
import { type Environment, environmentServers, lockEnvironment } from '../db/environments.ts'
import { serversOfServices } from '../db/operation-locks.ts'
import { lockService, type Service } from '../db/services.ts'
import { claimSlice, type Slice, slicesOf } from '../db/slices.ts'
import type { SliceId } from '../domain/ids.ts'
import type { AttachmentRole, SliceType } from '../domain/services.ts'
import type { ApiDependencies } from './context.ts'
import { exportedNames } from './exported-variables.ts'
import { refuseRemoving } from './in-organisation.ts'
import { invalidField, Problem } from './problem.ts'
import { refuseUnreachable } from './reach.ts'
import type { newAttachmentSchema } from './schemas/attachment.ts'
import { createSlice, refuseRemoved, slicesIn } from './slices.ts'

export interface WishedAttachment {
  application: Application
  environment: Environment
  service: Service
  wished: z.output<typeof newAttachmentSchema>
}

/** What a kind of slice can be to an environment. */
const rolesOf: Readonly<Record<SliceType, readonly AttachmentRole[]>> = {
  database: ['database', 'custom'],
  keyspace: ['cache', 'queue', 'custom'],
  route: ['gateway'],
}

/**
 * Attaches a service to an environment by a slice, a new one unless the wish names one (specification section 12). Throws a
 * 409 for a service without slices, and where two attachments would give a variable two values.
 */
export async function attach(
  tx: Database,
  deps: ApiDependencies,
  wish: WishedAttachment,
): Promise<{ slice: Slice; attachment: Attachment }> {
  const { environment, service, wished } = wish
  refuseRemoving(service)
  const { type } = slicesIn(service)
  if (!rolesOf[type].includes(wished.role)) {
    throw invalidField('role', `${service.name} can be attached as ${rolesOf[type].join(' or ')}`)
  }
  await lockEnvironment(tx, environment.id)
  await lockService(tx, service.id)
  await refuseUnreachable(tx, {
    organisationId: environment.organisationId,
    ...{ from: await environmentServers(tx, environment.id), to: await serversOfServices(tx, [service.id]), allowPublic: service.allowPublic },
    ...{ wish: `${service.name} is to be reached by ${environment.name}`, field: 'serviceId' },
  })
  const slice = wished.sliceId ? await existingSlice(tx, wish, wished.sliceId) : await newSlice(tx, deps, wish)
  const present = await attachedSlices(tx, environment.id)
  refuseCollision(present, wish, slice)
  const isPrimary = wished.isPrimary ?? !present.some(({ role, isPrimary: primary }) => role === wished.role && primary)
  const attachment = await insertAttachment(tx, {
    ...{ environmentId: environment.id, serviceId: service.id, serviceSliceId: slice.id, role: wished.role, isPrimary },
    envPrefix: wished.envPrefix,
  })
  return { slice, attachment }
}

async function existingSlice(tx: Database, { environment, service }: WishedAttachment, id: SliceId): Promise<Slice> {
  const slice = (await slicesOf(tx, service.id)).find((one) => one.id === id)
  if (!slice) throw invalidField('sliceId', `${service.name} has no such slice`, 'unknown_slice')
  refuseRemoved(slice)
  return slice.environmentId === null ? claimSlice(tx, id, environment.id) : slice
}

async function newSlice(tx: Database, deps: ApiDependencies, { application, environment, service, wished }: WishedAttachment): Promise<Slice> {
  const present = await slicesOf(tx, service.id)
  const name = wished.name ?? freeName(`${application.name}-${environment.name}`, present.map((slice) => slice.name))
  return createSlice(tx, deps, { service, environmentId: environment.id, name, config: wished.config ?? {} })
}

function freeName(wanted: string, taken: readonly string[]): string {
  if (!taken.includes(wanted)) return wanted
  for (let number = 2; ; number += 1) {
    if (!taken.includes(`${wanted}-${number}`)) return `${wanted}-${number}`
  }
}

/** The same slice may be attached in several roles; two slices may not name the same variable. */
function refuseCollision(present: readonly AttachedSlice[], { service, wished }: WishedAttachment, slice: Slice): void {
  const others = present.filter(({ sliceId }) => sliceId !== slice.id)
  const taken = new Set(others.flatMap(exportedNames))
  const collision = exportedNames({ ...service, config: slice.config, envPrefix: wished.envPrefix }).find((name) => taken.has(name))
  if (!collision) return
  const message = `${collision} comes from another attachment already: give a prefix of its own, such as ${wished.role.toUpperCase()}_`
  throw new Problem(409, 'variables_collide', `envPrefix: ${message}`, { errors: [{ field: 'envPrefix', message }] })
}
