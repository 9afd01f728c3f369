import { z } from 'zod'
import { idOf } from '../db/ids.ts'
import { operationById } from '../db/operations/begin.ts'
import { releaseOf, releaseToRestore } from '../db/release-history.ts'
import { variablesOf } from '../db/variables.ts'
import { type DeployPlan, type EnvironmentDeployPlan, serversToPull } from '../domain/deploy-plan.ts'
import type { PlanIds } from '../domain/plan-deploy.ts'
import type { EnvironmentId } from '../domain/ids.ts'
import { imageGone, notDeployed } from '../domain/releases.ts'
import { planIds, type Planned, type Planning, storeRollout } from './deploy-rows.ts'
import { changedSince, pinnedVariables, type RolloutFacts, snapshotOf } from './deploy-snapshot.ts'
import type { ActivityDeps, PlanningDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { placedEnvironment } from './placed-environment.ts'
import { planRollout } from './plan-rollout.ts'
import { replicaContext } from './replica-input.ts'
import { asReleased, isStored, refuseUnfitImage } from './rollback-snapshot.ts'

/** The plan of a configuration change; everything after that is as in a deploy or a rollback. */
export function configChangeActivities(deps: ActivityDeps) {
  const { db } = deps
  return {
    /** Computes the plan and stores it as `planDeploy` does. Fails as `not_deployed` where there is no live release. */
    async planConfigChange({ operationId }: OperationInput): Promise<EnvironmentDeployPlan> {
      const operation = await operationById(db, operationId)
      if (operation.plan) return operation.plan
      return storeRollout(deps, operation, await plannedConfigChange(deps, operation, planIds(operationId)))
    },
  }
}

/** What a configuration change will do, from what there is at this moment; nothing is stored. */
export async function plannedConfigChange(deps: PlanningDeps, change: Planning, ids: PlanIds): Promise<Planned> {
  const { isPinned } = changeRequested.parse(change.input)
  const { artifact, ...facts } = await configChangeFacts(deps, { environmentId: idOf<EnvironmentId>(change.targetId), isPinned })
  const { environment, commit } = facts
  const plan = planRollout(facts.snapshot, ids)
  const build = foundImage(facts, plan, artifact)
  return { facts, plan: { ...plan, environmentId: environment.id, commit, build, migration: null, variables: changedSince(facts) }, released: { artifactId: artifact.id } }
}

/** `operations.input` of a `config_change`. */
const changeRequested = z.object({ isPinned: z.boolean().default(false) })

interface Requested {
  environmentId: EnvironmentId
  /** Variables and configuration are those of the live release, too: only what Keystone and attachments give is that of today. */
  isPinned: boolean
}

/** The image of the live release. */
type Artifact = NonNullable<RolloutFacts['currentArtifact']> & { imageDigest: string }

/**
 * The image and the commit are those of the live release, everything else is as it is set today. Fails as `not_deployed`, or for
 * the reasons of `refuseUnfitImage`.
 */
async function configChangeFacts(deps: PlanningDeps, { environmentId, isPinned }: Requested): Promise<RolloutFacts & { artifact: Artifact }> {
  const { db, keyring } = deps
  const found = await placedEnvironment(deps, environmentId)
  const { environment, currentArtifact } = found
  const release = environment.currentReleaseId && (await releaseOf(db, environmentId, environment.currentReleaseId))
  if (!release) throw finalFailure(notDeployed(environment.name))
  if (!currentArtifact?.imageDigest) throw finalFailure(imageGone(release))
  const artifact = { ...currentArtifact, imageDigest: currentArtifact.imageDigest }
  await refuseUnfitImage(deps, { release, artifact, placements: found.placements })
  const variables = isPinned
    ? (await releaseToRestore(db, keyring, environmentId, release.id)).variables
    : pinnedVariables(await variablesOf(db, keyring, environmentId))
  const set = isPinned ? asReleased(found, release.services) : found
  const context = await replicaContext(deps, found.primary, variables.values)
  const snapshot = await snapshotOf(deps, set, { context, wantedArtifact: artifact.key })
  return { ...set, commit: release.commitSha, snapshot, variables, artifact }
}

/** Docker keeps the image of a running container: only servers that run none of it have to pull it, and where none does it is looked for. */
function foundImage(
  { snapshot, placement: { serverId, serverName } }: RolloutFacts,
  plan: DeployPlan,
  artifact: Artifact,
): EnvironmentDeployPlan['build'] {
  const replicas = snapshot.services.flatMap(({ present }) => present)
  const holders = replicas.filter(({ imageDigest, isHealthy }) => isHealthy && imageDigest === artifact.imageDigest)
  const running = holders.length > 0 ? { artifactId: artifact.id, reference: artifact.imageDigest } : null
  const isLacking = (id: typeof serverId) => !holders.some((holder) => holder.serverId === id)
  const pulls = isStored(artifact) ? serversToPull(plan, null).filter((server) => isLacking(server.serverId)) : []
  return { serverId, serverName, unresolved: [], running, pulls }
}
