import { z } from 'zod'
import { confirmedHostKeys } from '../db/git-host-keys.ts'
import { deployKeyOf } from '../db/applications.ts'
import { engineService } from '../db/engine-services.ts'
import { idOf } from '../db/ids.ts'
import { operationById } from '../db/operations/begin.ts'
import { claimArtifact, pinBaseImage, recordArtifact, type ArtifactPlan } from '../db/releases.ts'
import { replicaById } from '../db/replicas.ts'
import type { ArtifactId, EnvironmentId, ReplicaId, ServerId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { resolveImage } from '../drivers/services/image.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import { knownHosts, pinnedHostKeys } from '../drivers/sources/known-hosts.ts'
import { parseRepositoryUrl } from '../drivers/sources/repository-url.ts'
import type { ActivityDeps } from './deps.ts'
import { baseDigests, deployFacts } from './deploy-snapshot.ts'
import type { OperationInput } from './operations.ts'
import { renderReplica, replicaContext, type ReplicaImage } from './replica-input.ts'
import { runStep } from './remote-step.ts'

export interface BuiltArtifact {
  artifactId: ArtifactId
  image: ReplicaImage
}

/** Images of applications: built once, from Keystone's own template (specification section 6). */
export function imageActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  return {
    /** Resolves a base image to a digest, which is the environment's from then on. */
    async resolveBaseImage(input: OperationInput & { order: number; serverId: ServerId; reference: string }): Promise<void> {
      const { operationId, order, serverId, reference } = input
      const environmentId = idOf<EnvironmentId>((await operationById(db, operationId)).targetId)
      const { digest } = await runStep(deps, { operationId, order, serverId, step: resolveImage(reference) })
      await pinBaseImage(db, environmentId, reference, digest)
    },

    /** Builds the image of the operation's commit on the server, or finds the one that was built from the very same. */
    async buildImage({ operationId }: OperationInput): Promise<BuiltArtifact> {
      const operation = await operationById(db, operationId)
      const environmentId = idOf<EnvironmentId>(operation.targetId)
      const { commit } = z.object({ commit: z.string() }).parse(operation.input)
      const { build, application, environment } = await deployFacts(deps, environmentId, commit)
      const { configured, serverId, platform, key } = build
      if (key === null) throw new Error('a base image has not been resolved')
      const deployKey = await deployKeyOf(db, keyring, application.id)
      const address = parseRepositoryUrl(application.repositoryUrl)
      const confirmed = await confirmedHostKeys(db, application.organisationId, address)
      const { organisationId, projectRoot, repositoryUrl } = application
      const step = configured.run({
        ...{ organisationId, environmentId, applicationId: application.id, commitSha: commit, projectRoot, repositoryUrl, deployKey, platform },
        knownHosts: knownHosts(address, pinnedHostKeys(address, confirmed)),
        baseDigests: baseDigests(configured, environment.baseImageDigests),
      })
      const imageTag = step.inputs.IMAGE_TAG ?? key
      const plan: ArtifactPlan = { environmentId, operationId, serverId, key, commitSha: commit, platform, imageTag }
      const artifact = await claimArtifact(db, plan)
      const built = await runStep(deps, { operationId, order: stepNumbers.environmentDeploy.build, serverId, step })
      await recordArtifact(db, artifact.id, built)
      return { artifactId: artifact.id, image: { reference: built.imageId, isLocal: true } }
    },

    /** Runs the migration in a container of its own, with the new image and the variables of the replica that will be started. */
    async migrate(input: OperationInput & { order: number; replicaId: ReplicaId; command: string; image: ReplicaImage }): Promise<void> {
      const { operationId, order, replicaId, command, image } = input
      const replica = await replicaById(db, replicaId)
      const service = await engineService(db, keyring, replica.serviceId)
      const { input: rendered, masked } = renderReplica(await replicaContext(deps, service.environmentId), service, replica, image)
      const { application } = serviceDriver(service.driverName).configured(service.config)
      if (!application) throw new Error(`${service.name} has no commands`)
      const isDefault = command.startsWith('php artisan migrate')
      const step = application.oneOff({ replica: rendered, name: 'migrate', command, repeatable: isDefault })
      await runStep(deps, { operationId, order, serverId: replica.serverId, step, masked })
    },
  }
}
