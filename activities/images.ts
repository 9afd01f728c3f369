import { idOf } from '../db/ids.ts'
import { operationById } from '../db/operations/begin.ts'
import { environmentRolledOut } from '../db/operations/environment.ts'
import { type Artifact, artifactsBuiltBy, claimArtifact, pinBaseImage, recordArtifact, type ArtifactPlan } from '../db/artifacts.ts'
import { beginRollout, environmentToDeploy } from '../db/releases.ts'
import type { EnvironmentId, ServerId } from '../domain/ids.ts'
import { imageOf, type ReplicaImage, storedTag } from '../domain/images.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { parseReference } from '../drivers/registries/reference.ts'
import type { RegistryAccess } from '../drivers/registries/session.ts'
import type { BuildFacts, BuiltPlatform } from '../drivers/services/contract-application.ts'
import type { ServiceStep } from '../drivers/services/contract-step.ts'
import { pullImage, resolveImage } from '../drivers/services/image.ts'
import { baseDigests } from './build-facts.ts'
import type { ActivityDeps } from './deps.ts'
import { type BuiltDeployFacts, builtDeployFacts } from './deploy-snapshot.ts'
import { finalFailure } from './failures.ts'
import { accessTo, type ImageAccess } from './image-registry.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'
import { repositoryOnServer } from './repository.ts'

/** A base image that a build's server is to resolve. */
export interface BaseImageToResolve extends OperationInput {
  order: number
  serverId: ServerId
  reference: string
}

/** An image of a registry, `name@sha256:…`, that a server is to have. */
export interface ImagePull extends OperationInput {
  order: number
  serverId: ServerId
  image: string
}


/** Images of applications: built once, from Keystone's own template (specification section 6). */
export function imageActivities(deps: ActivityDeps) {
  const { db } = deps
  return {
    /** Resolves a base image to a digest, which is the environment's from then on. */
    async resolveBaseImage({ operationId, order, serverId, reference }: BaseImageToResolve): Promise<void> {
      const environmentId = idOf<EnvironmentId>((await operationById(db, operationId)).targetId)
      const { digest } = await runStep(deps, { operationId, order, serverId, step: resolveImage(reference) })
      await pinBaseImage(db, environmentId, reference, digest)
    },

    /** Builds the image of the operation's commit on the server, or finds the one that was built from the very same. */
    async buildImage({ operationId }: OperationInput): Promise<ReplicaImage> {
      const facts = await builtDeployFacts(deps, await operationById(db, operationId))
      const { serverId, builder, platforms, key, storedAs } = facts.source
      if (key === null) throw new Error('a base image has not been resolved')
      if ((await artifactsBuiltBy(db, operationId)).some((begun) => begun.key !== key)) throw buildChanged()
      const registry = storedAs === null ? null : await accessTo(deps, facts.environment, storedAs)
      const step = await buildStep(deps, facts, registry)
      const plan: ArtifactPlan = {
        ...{ environmentId: facts.environment.id, operationId, serverId, key, commitSha: facts.commit, platform: platforms.join(), registryRef: storedAs },
        builtByServiceId: builder && builder.id,
        imageTag: facts.source.configured.imageTag(facts.environment.id, key),
      }
      const artifact = await claimArtifact(db, plan)
      const work = { operationId, order: stepNumbers.environmentDeploy.build, serverId, step, masked: [...(registry?.masked ?? []), ...Object.values(facts.source.secrets.values)] }
      const { images } = await runStep(deps, work)
      const reference = await referenceOf(deps, images, registry && { access: registry.access, artifact })
      await db.transaction(async (tx) => {
        const sizeBytes = images.reduce((sum, image) => sum + image.sizeBytes, 0)
        await recordArtifact(tx, artifact.id, { imageIds: images.map(({ imageId }) => imageId), reference, sizeBytes })
        await beginRollout(tx, operationId, artifact.id)
      })
      return imageOf(reference)
    },

    /** Makes the image of a deploy present on one more server, by its digest. */
    async pullImage({ operationId, order, serverId, image }: ImagePull): Promise<void> {
      const environmentId = environmentRolledOut(await operationById(db, operationId))
      const { environment } = await environmentToDeploy(db, environmentId)
      const { dockerConfig, masked } = await accessTo(deps, environment, image)
      await runStep(deps, { operationId, order, serverId, step: pullImage(image, dockerConfig), masked })
    },
  }
}

/** Where the images of an artifact are stored. */
interface Stored {
  access: RegistryAccess
  artifact: Artifact
}

/** What stands for an artifact everywhere: its one image, or an index of those for each platform, which is made in the registry. */
async function referenceOf({ registries }: ActivityDeps, images: readonly BuiltPlatform[], stored: Stored | null): Promise<string> {
  const [image, ...others] = images
  if (!image) throw new Error('nothing was built')
  if (others.length === 0) return image.digest ?? image.imageId
  const { registryRef, key } = stored?.artifact ?? { registryRef: null, key: '' }
  if (!stored || registryRef === null) throw new Error('an image for several platforms needs a registry')
  const parts = images.map(({ platform, digest }) => ({ platform, digest: digest?.split('@')[1] ?? '' }))
  return `${registryRef}@${await registries.storeIndex(stored.access, parseReference(storedTag(registryRef, key)), parts)}`
}

/** Another worker goes on with a build that was begun from other settings: its image is not what is wanted now. */
const buildChanged = () =>
  finalFailure({
    code: 'build_changed',
    message: 'Build settings or build secrets were changed while the image was being built.',
    hint: 'Deploy again: the image is built from what is set then.',
  })

/** The build of a deploy's commit, with all that it needs to fetch the source. */
async function buildStep(
  deps: ActivityDeps,
  facts: BuiltDeployFacts,
  registry: ImageAccess | null,
): Promise<ServiceStep<BuildFacts>> {
  const { source, application, environment, commit } = facts
  const { configured, platforms, storedAs, secrets } = source
  const { organisationId, projectRoot } = application
  return configured.run({
    ...{ organisationId, environmentId: environment.id, applicationId: application.id, projectRoot },
    ...(await repositoryOnServer(deps, application)),
    ...{ secrets: secrets.values, secretVersions: secrets.versions },
    ...{ commitSha: commit, platforms, storedAs, dockerConfig: registry && registry.dockerConfig },
    baseDigests: baseDigests(configured, environment.baseImageDigests),
  })
}
