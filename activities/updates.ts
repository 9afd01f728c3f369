import { z } from 'zod'
import { type EngineService, engineService } from '../db/engine-services.ts'
import { idOf } from '../db/ids.ts'
import { operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { liveReplicas, placementsOf } from '../db/replicas.ts'
import { isImageNeeded, managedServices, recordAvailable, recordImage } from '../db/updates.ts'
import type { OrganisationId, ReplicaId, ServerId, ServiceId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { removeReplacedImage, repositoryOf } from '../drivers/services/image.ts'
import { parseReference } from '../drivers/registries/reference.ts'
import { configuredService } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import { accessTo } from './image-registry.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'

/** What the update of a service will do. */
export interface UpdatePlan {
  /** It runs from this image already. */
  isUnchanged: boolean
  service: { id: ServiceId; name: string }
  replicaId: ReplicaId
  serverId: ServerId
  serverName: string
  /** `name@sha256:…`: the one that it has, and goes back to where the other one does not get healthy. */
  before: string
  image: string
}

/** An image, `name@sha256:…`, that a service does not run from any more. */
interface ReplacedImage extends OperationInput {
  serviceId: ServiceId
  serverId: ServerId
  image: string
}

/** A tag that services of an organisation run from. */
export interface ManagedImage {
  organisationId: OrganisationId
  /** Such as `postgres:18`. */
  reference: string
}

/** `operations.input` of a `service_update`. */
const updateRequested = z.object({ image: z.string() })

/** Updates of managed images (specification section 11): they are looked up, and done when somebody wants them. */
export function updateActivities(deps: ActivityDeps) {
  const { db, keyring, registries } = deps
  return {
    /** The tags whose digests are to be looked up, each once for an organisation. */
    async planUpdateLookup(): Promise<{ images: ManagedImage[] }> {
      const found = new Map<string, ManagedImage>()
      for (const service of await managedServices(db)) {
        const reference = tagOf(service)
        if (reference === null) continue
        const { organisationId } = service
        found.set(`${organisationId} ${reference}`, { organisationId, reference })
      }
      return { images: [...found.values()] }
    },

    /** Asks the registry what a tag stands for, without pulling anything, and notes it for the services that run from it. */
    async lookUpImage({ organisationId, reference }: ManagedImage): Promise<void> {
      const { access } = await accessTo(deps, { organisationId, registryId: null }, reference)
      const digest = await registries.resolve(access, parseReference(reference))
      const concerned = (await managedServices(db, organisationId)).filter((service) => tagOf(service) === reference)
      await recordAvailable(db, concerned.map(({ id }) => id), `${repositoryOf(reference)}@${digest}`)
    },

    /**
     * Looks what an update is to replace. Fails as `update_outdated` where its image is not the newest that is known any more, for its user
     * has said yes to that one alone, and as `service_not_running`.
     */
    async planUpdate({ operationId }: OperationInput): Promise<UpdatePlan> {
      const operation = await operationById(db, operationId)
      const { image } = updateRequested.parse(operation.input)
      const { id, name, currentImageDigest: before, availableImageDigest } = await engineService(db, keyring, idOf<ServiceId>(operation.targetId))
      const [replica] = (await liveReplicas(db, [id])).filter(({ status }) => status === 'running')
      if (!replica || before === null) throw notRunning(name)
      const isUnchanged = before === image
      if (!isUnchanged && availableImageDigest !== image) throw outdated(name, image)
      const { id: replicaId, serverId } = replica
      const place = (await placementsOf(db, [id])).find((one) => one.serverId === serverId)
      return { isUnchanged, service: { id, name }, replicaId, serverId, serverName: place?.serverName ?? serverId, before, image }
    },

    /** The commit point of an update: the new image has proven itself. */
    async recordUpdate({ operationId, serviceId, image }: OperationInput & { serviceId: ServiceId; image: string }): Promise<void> {
      await commitOnce(db, operationId, (tx) => recordImage(tx, serviceId, image))
    },

    /** Removes the image of before an update from its server, unless another container or a release needs it; fine when it is gone. */
    async removeReplacedImage({ operationId, serviceId, serverId, image }: ReplacedImage): Promise<void> {
      const tag = tagOf(await engineService(db, keyring, serviceId))
      if (tag === null || (await isImageNeeded(db, { serverId, image }))) return
      await runStep(deps, { operationId, order: stepNumbers.serviceUpdate.removeImage, serverId, step: removeReplacedImage(image, tag) })
    },
  }
}

/** Null where the image is no registry's. */
function tagOf(service: Pick<EngineService, 'driverName' | 'config'>): string | null {
  const { image } = configuredService(service)
  return image.from === 'registry' ? image.reference : null
}

function notRunning(name: string) {
  return finalFailure({ code: 'service_not_running', message: `${name} does not run, so it cannot be updated.`, hint: `Deploy ${name} first.` })
}

function outdated(name: string, image: string) {
  const message = `${name} was to be updated to ${image}, which is not the newest image of its tag any more.`
  return finalFailure({ code: 'update_outdated', message, hint: 'Look at the available image, and request the update again.' })
}
