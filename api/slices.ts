import type { Database } from '../db/connect.ts'
import { lockService, type Service } from '../db/services.ts'
import { type SliceUse, usesOf } from '../db/slice-uses.ts'
import { insertSlice, lockSlice, type Slice, slicesOf } from '../db/slices.ts'
import type { EnvironmentId, SliceId } from '../domain/ids.ts'
import type { StoredConfig } from '../drivers/services/contract-step.ts'
import type { SliceDriver } from '../drivers/services/contract-slices.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ApiDependencies } from './context.ts'
import { invalidField, Problem } from './problem.ts'
import { completeSettings } from './settings.ts'

/** Throws a 409 for a service that has none, such as a gateway, whose routes are made for an environment. */
export function slicesIn({ name, driverName }: Pick<Service, 'name' | 'driverName'>): SliceDriver {
  const { slices } = serviceDriver(driverName)
  if (slices) return slices
  throw new Problem(409, 'service_has_no_slices', `${name} has nothing to attach: attach a database or a cache, or add a route to an environment.`)
}

/** A slice that is to be made. */
export interface WishedSlice {
  service: Service
  name: string
  /** The environment that it is made for; null where it is made by itself. */
  environmentId: EnvironmentId | null
  /** Settings that its driver lets people choose. */
  config: StoredConfig
}

/** Stores a slice with names and credentials of its own. Throws a 422 for settings that the driver refuses. */
export async function createSlice(tx: Database, { keyring }: ApiDependencies, { service, name, environmentId, config }: WishedSlice): Promise<Slice> {
  const driver = slicesIn(service)
  if (service.status === 'removing') throw new Problem(409, 'service_is_removed', `${service.name} is being removed: use another service.`)
  const settings = completeSettings(driver.settingsSchema, config, 'config')
  await lockService(tx, service.id)
  const present = await slicesOf(tx, service.id)
  return insertSlice(tx, keyring, {
    ...{ serviceId: service.id, environmentId, name, type: driver.type },
    config: { ...driver.configure(name, present.map((slice) => slice.config)), ...settings },
    credentials: driver.generateCredentials(),
  })
}

/** The settings that a slice is to have. Throws a 409 for one that is not ready, and a 422 for settings that the driver refuses. */
export async function changedSettings(tx: Database, service: Service, { id, config }: { id: SliceId; config: StoredConfig }) {
  const slice = await lockSlice(tx, id)
  refuseRoute(slice)
  if (slice.status === 'failed') {
    throw new Problem(409, 'slice_not_ready', `${slice.name} could not be made: retry the operation that was to make it, or remove it.`)
  }
  refuseRemoved(slice)
  return { slice, settings: completeSettings(slicesIn(service).settingsSchema, config, 'config') }
}

/**
 * The slice that is to go for good, with its data. Throws a 422 where the request does not repeat its name, and a 409 naming the
 * environments that use it.
 */
export async function sliceToRemove(tx: Database, service: Service, { id, confirm }: { id: SliceId; confirm: string | undefined }): Promise<Slice> {
  await lockService(tx, service.id)
  const slice = await lockSlice(tx, id)
  refuseRoute(slice)
  if (confirm !== slice.name) {
    throw invalidField('confirm', `all data of ${slice.name} goes for good: repeat its name to confirm that`, 'confirmation_required')
  }
  const uses = await usesOf(tx, [id])
  if (uses.length > 0) throw inUse(slice, uses)
  return slice
}

/** Throws a 409 for a slice that goes. */
export function refuseRemoved({ name, status }: Slice): void {
  if (status === 'removing') throw new Problem(409, 'slice_is_removed', `${name} is being removed: use another one.`)
}

function refuseRoute({ type, name }: Slice): void {
  if (type === 'route') throw new Problem(409, 'slice_is_route', `${name} is a route: it belongs to the routes of its environment.`)
}

function inUse({ name }: Slice, uses: readonly SliceUse[]): Problem {
  const attached = uses.map(({ application, environment, isAttached }) =>
    isAttached ? `${environment} of ${application}` : `${environment} of ${application} (until its next deployment)`,
  )
  const detail = `${name} is used by ${attached.join(', ')}: detach it there and deploy, then remove it.`
  const environments = uses.map(({ environmentId, environment, application }) => ({ id: environmentId, name: environment, application }))
  return new Problem(409, 'slice_in_use', detail, { members: { environments } })
}
