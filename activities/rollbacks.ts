import { operationById } from '../db/operations/begin.ts'
import { releasedImage } from '../db/release-history.ts'
import { beginRollout, environmentToDeploy } from '../db/releases.ts'
import { type DeployPlan, type EnvironmentDeployPlan, serversToPull } from '../domain/deploy-plan.ts'
import type { PlanIds } from '../domain/plan-deploy.ts'
import type { EnvironmentId } from '../domain/ids.ts'
import { imageOf, type ReplicaImage } from '../domain/images.ts'
import { imageGone } from '../domain/releases.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { RegistryError } from '../drivers/registries/errors.ts'
import { parseReference } from '../drivers/registries/reference.ts'
import { absentImageExitCode, findImage } from '../drivers/services/image.ts'
import { planIds, type Planned, type Planning, storeRollout } from './deploy-rows.ts'
import type { ActivityDeps, PlanningDeps } from './deps.ts'
import { changedSince } from './deploy-snapshot.ts'
import { finalFailure, stepFailure } from './failures.ts'
import { accessTo } from './image-registry.ts'
import type { OperationInput } from './operations.ts'
import { planRollout } from './plan-rollout.ts'
import { runStep } from './remote-step.ts'
import { rollbackFacts, type RollbackFacts } from './rollback-snapshot.ts'

/** The plan of a rollback, and the image that it finds; everything after that is as in a deploy. */
export function rollbackActivities(deps: ActivityDeps) {
  const { db } = deps
  return {
    /**
     * Computes the plan and stores it as `planDeploy` does. Fails where the release cannot run again (`rollbackRefusal`), before
     * anything is stored.
     */
    async planRollback({ operationId }: OperationInput): Promise<EnvironmentDeployPlan> {
      const operation = await operationById(db, operationId)
      if (operation.plan) return operation.plan
      return storeRollout(deps, operation, await plannedRollback(deps, operation, planIds(operationId)))
    },

    /** Makes sure that the registry, or else the server, has the image of the operation's release. Fails as `image_gone` where it is not there any more. */
    async findReleasedImage({ operationId }: OperationInput): Promise<ReplicaImage> {
      const { plan } = await operationById(db, operationId)
      if (!plan) throw new Error(`operation ${operationId} has no plan`)
      const { artifactId, imageDigest, ...target } = await releasedImage(db, operationId)
      const image = imageOf(imageDigest)
      const isThere = image.isLocal ? await isOnServer(deps, { operationId, plan, image }) : await isInRegistry(deps, plan.environmentId, image)
      if (!isThere) throw finalFailure(imageGone(target))
      await beginRollout(db, operationId, artifactId)
      return image
    },
  }
}

/** What a rollback will do, from what there is at this moment; nothing is stored. */
async function plannedRollback(deps: PlanningDeps, rollback: Planning, ids: PlanIds): Promise<Planned> {
  const facts = await rollbackFacts(deps, rollback)
  const { restored, warnings } = facts
  const released = { rolledBackToId: restored.releaseId, artifactId: restored.artifactId }
  return { facts, plan: completePlan(facts, planRollout(facts.snapshot, ids)), released, warnings }
}

interface LocalImage extends OperationInput {
  plan: EnvironmentDeployPlan
  image: ReplicaImage
}

async function isOnServer(deps: ActivityDeps, { operationId, plan, image }: LocalImage): Promise<boolean> {
  const place = { operationId, order: stepNumbers.environmentRollback.findImage, serverId: plan.build.serverId }
  try {
    await runStep(deps, { ...place, step: findImage(image.reference) })
    return true
  } catch (error) {
    if (stepFailure(error, absentImageExitCode)) return false
    throw error
  }
}

async function isInRegistry(deps: ActivityDeps, environmentId: EnvironmentId, { reference }: ReplicaImage): Promise<boolean> {
  const { environment } = await environmentToDeploy(deps.db, environmentId)
  const { access } = await accessTo(deps, environment, reference)
  try {
    await deps.registries.resolve(access, parseReference(reference))
    return true
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'image_not_found') return false
    throw error
  }
}

/** Nothing is built and nothing is migrated: migrations are never reverted (design section 4). */
function completePlan(facts: RollbackFacts, plan: DeployPlan): EnvironmentDeployPlan {
  const { environment, commit, restored, placement: { serverId, serverName } } = facts
  const build = { serverId, serverName, unresolved: [], running: null, pulls: restored.isStored ? serversToPull(plan, null) : [] }
  return { ...plan, environmentId: environment.id, commit, build, migration: null, variables: changedSince(facts) }
}
