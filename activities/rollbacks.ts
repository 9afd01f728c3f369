import { operationById } from '../db/operations/begin.ts'
import { restoredRelease } from '../db/release-history.ts'
import { beginRollout } from '../db/releases.ts'
import { type EnvironmentDeployPlan, planDeploy } from '../domain/deploy-plan.ts'
import { imageGone } from '../domain/releases.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { absentImageExitCode, findImage } from '../drivers/services/image.ts'
import { planIds, storeRollout } from './deploy-rows.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure, stepFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import type { ReplicaImage } from './replica-input.ts'
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
      const facts = await rollbackFacts(deps, operation)
      const plan = completePlan(facts, planDeploy(facts.snapshot, planIds(operationId)))
      await storeRollout(deps, operation, { facts, plan, rollback: facts })
      return plan
    },

    /** Makes sure that the server has the image of the release. Fails as `image_gone` where somebody has removed it. */
    async findReleasedImage({ operationId }: OperationInput): Promise<ReplicaImage> {
      const { plan } = await operationById(db, operationId)
      if (!plan) throw new Error(`operation ${operationId} has no plan`)
      const { artifactId, imageDigest, ...target } = await restoredRelease(db, operationId)
      const place = { operationId, order: stepNumbers.environmentRollback.findImage, serverId: plan.build.serverId }
      await runStep(deps, { ...place, step: findImage(imageDigest) }).catch((error: unknown) => {
        throw stepFailure(error, absentImageExitCode) ? finalFailure(imageGone(target)) : error
      })
      await beginRollout(db, operationId, artifactId)
      return { reference: imageDigest, isLocal: true }
    },
  }
}

/** Nothing is built and nothing is migrated: migrations are never reverted (design section 4). */
function completePlan(
  { environment, commit, placement: { serverId, serverName } }: RollbackFacts,
  plan: ReturnType<typeof planDeploy>,
): EnvironmentDeployPlan {
  const build = { serverId, serverName, unresolved: [], running: null }
  return { ...plan, environmentId: environment.id, commit, build, migration: null }
}
