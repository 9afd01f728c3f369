import { artifactOfImage, type Artifact } from '../db/artifacts.ts'
import type { EngineService } from '../db/engine-services.ts'
import { idOf } from '../db/ids.ts'
import { operationById } from '../db/operations/begin.ts'
import type { Operation } from '../db/operations/request.ts'
import { releaseToRestore } from '../db/release-history.ts'
import { environmentOfService } from '../db/services.ts'
import { variablesOf } from '../db/variables.ts'
import { type DeployPlan, type EnvironmentDeployPlan, serversToPull } from '../domain/deploy-plan.ts'
import type { DeploySnapshot, SnapshotService } from '../domain/deploy-snapshot.ts'
import type { ReleaseId, ServerId, ServiceId } from '../domain/ids.ts'
import type { OperationKind } from '../domain/operations.ts'
import { planIds, storeRollout } from './deploy-rows.ts'
import { pinnedVariables, type RolloutFacts, snapshotOf } from './deploy-snapshot.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { placedEnvironment, type PlacedEnvironment } from './placed-environment.ts'
import { planRollout } from './plan-rollout.ts'
import { replicaContext } from './replica-input.ts'
import { asReleased, isStored, refuseUnfitImage } from './rollback-snapshot.ts'

/** What one service of an environment is rolled out from. */
interface ServiceRolloutFacts extends RolloutFacts {
  image: Artifact & { imageDigest: string }
  releaseId: ReleaseId | null
}

/** Rollouts of one service of an environment: it is started, restarted, or deployed on its own. Nothing is built, and no release made. */
export function serviceRolloutActivities(deps: ActivityDeps) {
  const { db } = deps
  return {
    /**
     * Computes the plan and stores it as `planDeploy` does; other services stay as they are. Fails as `not_deployed` where there is no
     * image yet, and as `image_elsewhere` or `platform_missing` where it cannot run on a server.
     */
    async planServiceRollout({ operationId }: OperationInput): Promise<EnvironmentDeployPlan> {
      const operation = await operationById(db, operationId)
      if (operation.plan) return operation.plan
      const facts = await serviceRolloutFacts(deps, operation)
      return storeRollout(deps, operation, { facts, plan: completePlan(facts, planRollout(facts.snapshot, planIds(operationId))) })
    },
  }
}

/**
 * A service that goes with its environment is started and restarted as the live release has it: image, configuration, the user's
 * variables. One that is deployed on its own has today's configuration and variables, and is restarted with the image that it has.
 * Placement and limits are today's.
 */
async function serviceRolloutFacts(deps: ActivityDeps, { kind, targetId }: Operation): Promise<ServiceRolloutFacts> {
  const { db, keyring } = deps
  const serviceId = idOf<ServiceId>(targetId)
  const environmentId = await environmentOfService(db, serviceId)
  if (environmentId === null) throw new Error(`service ${serviceId} is of no environment`)
  const found = await placedEnvironment(deps, environmentId)
  const service = found.services.find(({ id }) => id === serviceId)
  const { currentReleaseId, name } = found.environment
  if (!service || currentReleaseId === null || !found.currentArtifact?.imageDigest) throw notDeployed(name)
  const { release, variables: released } = await releaseToRestore(db, keyring, environmentId, currentReleaseId)
  const isPinned = kind !== 'service_deploy' && service.deployPolicy === 'with_environment'
  const then = isPinned ? asReleased(found, release.services) : found
  const variables = isPinned ? released : pinnedVariables(await variablesOf(db, keyring, environmentId))
  const context = await replicaContext(deps, found.primary, variables.values)
  const snapshot = await snapshotOf(deps, then, { context, wantedArtifact: found.currentArtifact.key })
  const own = snapshot.services.find(({ id }) => id === serviceId)
  const digest = kind === 'service_deploy' ? found.currentArtifact.imageDigest : imageToRun(service, own, found)
  const image = await artifactOfImage(db, environmentId, digest)
  await refuseUnfitImage(deps, { release, artifact: image, placements: found.placements.filter((place) => place.serviceId === serviceId) })
  const about = { serviceId, renewal: renewalFor(kind, service) }
  const from = { image, releaseId: isPinned ? currentReleaseId : null }
  return { ...then, commit: release.commitSha, snapshot: ofOne(snapshot, about), variables, ...from }
}

/** What another operation has started meanwhile is not started again. */
function renewalFor(kind: OperationKind, { status }: EngineService): SnapshotService['renewal'] {
  if (kind === 'service_restart') return 'restarted'
  return kind === 'service_start' && status === 'stopped' ? 'started' : null
}

/** The image that it runs; one that does not run gets that of the live release, or where it is deployed on its own, the one it had. */
function imageToRun({ deployPolicy, currentImageDigest }: EngineService, own: SnapshotService | undefined, { currentArtifact }: PlacedEnvironment): string {
  const running = own?.present.find(({ imageDigest, isHealthy }) => isHealthy && imageDigest !== '')
  const live = currentArtifact?.imageDigest ?? ''
  return running?.imageDigest ?? (deployPolicy === 'with_environment' ? live : (currentImageDigest ?? live))
}

const notDeployed = (environment: string) =>
  finalFailure({ code: 'not_deployed', message: `${environment} has not been deployed yet.`, hint: 'Deploy the environment first.' })

/** Of the whole environment only this service is concerned. */
function ofOne(
  { services, ...snapshot }: DeploySnapshot,
  { serviceId, renewal }: { serviceId: ServiceId; renewal: SnapshotService['renewal'] },
): DeploySnapshot {
  const concerned = services.map((service) =>
    service.id === serviceId ? { ...service, left: null, renewal } : { ...service, left: 'not concerned' as const },
  )
  return { ...snapshot, services: concerned }
}

function completePlan({ environment, commit, placement, image, releaseId, snapshot }: ServiceRolloutFacts, plan: DeployPlan): EnvironmentDeployPlan {
  const { serverId, serverName } = placement
  const holders = snapshot.services.flatMap(({ present }) => present).filter(({ imageDigest, isHealthy }) => isHealthy && imageDigest === image.imageDigest)
  const lacks = (id: ServerId) => !holders.some((holder) => holder.serverId === id)
  const pulls = isStored(image) ? serversToPull(plan, null).filter((server) => lacks(server.serverId)) : []
  const build = { serverId, serverName, unresolved: [], running: { artifactId: image.id, reference: image.imageDigest }, pulls }
  return { ...plan, environmentId: environment.id, releaseId, commit, build, migration: null }
}
