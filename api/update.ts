import type { z } from 'zod'
import type { Service } from '../db/services.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import { type FieldError, invalidField, Problem } from './problem.ts'
import type { newUpdateSchema } from './schemas/update.ts'

type Wish = z.output<typeof newUpdateSchema>

/**
 * The image, `name@sha256:…`, that a service is to be updated to: the newest that is known. Throws a 422 that names the field where the
 * wish is more than an update or does not acknowledge what it brings, and a 409 where there is nothing to be updated.
 */
export function imageToUpdateTo(service: Service, wish: Wish): string {
  const { name, driverName, environmentId, status, currentImageDigest: current, availableImageDigest: available } = service
  if (environmentId !== null || serviceDriver(driverName).configured(service.config).image.from !== 'registry') {
    throw new Problem(409, 'not_updatable', `${name} has no image of its own: it changes with a deployment.`)
  }
  refuseMore(service, wish)
  refuseUnacknowledged(service, wish)
  if (status !== 'running' || current === null) throw new Problem(409, 'service_not_running', `${name} does not run: deploy or start it first.`)
  if (available === null) throw new Problem(409, 'no_update_known', `The registry has not been asked for a newer image of ${name} yet: try again later.`)
  if (available === current) throw new Problem(409, 'no_update', `${name} runs from the newest image that is known: there is nothing to update.`)
  if (wish.image !== undefined && wish.image !== available) {
    const message = `is not the newest image any more: look at ${available}`
    throw new Problem(409, 'update_outdated', `image: ${message}`, { errors: [{ field: 'image', message }] })
  }
  return available
}

/** An update is neither a move nor a change of the major version (specification sections 10 and 11). */
function refuseMore({ name, driverName, versionTrack, serverIds }: Service, wish: Wish): void {
  const { label, update } = serviceDriver(driverName)
  if (wish.versionTrack !== undefined && wish.versionTrack !== versionTrack) {
    const reason = `${name} runs ${label} ${versionTrack}, and another major version does not read its data`
    throw invalidField('versionTrack', `${reason}: create a service of that version, move the data into it and attach it instead`, 'major_version_refused')
  }
  if (wish.serverId !== undefined && !serverIds.includes(wish.serverId)) {
    const reason = `the data of ${name} lies on the server that it runs on, and an update takes it nowhere`
    throw invalidField('serverId', `${reason}: create a service there, move the data into it and attach it instead`, 'move_refused')
  }
  if (wish.backup !== undefined && !update.backup) {
    throw invalidField('backup', `Keystone makes no backups of ${label}: make one yourself, and leave this out`, 'backup_not_supported')
  }
}

function refuseUnacknowledged({ name, driverName }: Service, wish: Wish): void {
  const { downtime, dataRisk } = serviceDriver(driverName).update
  const errors: FieldError[] = []
  if (downtime && !wish.acknowledgeDowntime) {
    errors.push({ field: 'acknowledgeDowntime', message: `nobody reaches ${name} while its container is replaced: set it to true to accept that` })
  }
  if (dataRisk && !wish.acknowledgeDataRisk) {
    errors.push({ field: 'acknowledgeDataRisk', message: `the new image works on the only copy of ${name}'s data: set it to true to accept that` })
  }
  if (errors.length === 0) return
  throw new Problem(422, 'acknowledgement_required', errors.map(({ field, message }) => `${field}: ${message}`).join('; '), { errors })
}
