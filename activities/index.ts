import { branchCheckActivities } from './branch-checks.ts'
import { builderActivities } from './builders.ts'
import { commandActivities } from './commands.ts'
import { commandRunActivities } from './command-runs.ts'
import { configChangeActivities } from './config-changes.ts'
import { convergenceActivities } from './convergence.ts'
import type { ActivityDeps } from './deps.ts'
import { deployActivities } from './deploys.ts'
import { endingActivities } from './endings.ts'
import { firewallActivities } from './firewalls.ts'
import { forcedRemovalActivities } from './forced-removals.ts'
import { gatewayActivities } from './gateways.ts'
import { headActivities } from './heads.ts'
import { imageActivities } from './images.ts'
import { migrationActivities } from './migrations.ts'
import { keyActivities } from './keys.ts'
import { operationActivities } from './operations.ts'
import { observationActivities } from './observations.ts'
import { providerActivities } from './providers.ts'
import { pruningActivities } from './pruning.ts'
import { rebootActivities } from './reboots.ts'
import { replicaActivities } from './replicas.ts'
import { restartActivities } from './restarts.ts'
import { rollbackActivities } from './rollbacks.ts'
import { rotationActivities } from './rotations.ts'
import { schedulerActivities } from './scheduler.ts'
import { serverActivities } from './servers.ts'
import { serverKeyActivities } from './server-keys.ts'
import { serviceRolloutActivities } from './service-rollouts.ts'
import { serviceActivities } from './services.ts'
import { sliceActivities } from './slices.ts'
import { updateActivities } from './updates.ts'
import { volumeActivities } from './volumes.ts'

/** Everything that workflows can have done; each of them may be run twice. */
export function createActivities(deps: ActivityDeps) {
  return {
    ...operationActivities(deps),
    ...serverActivities(deps),
    ...serverKeyActivities(deps),
    ...providerActivities(deps),
    ...rebootActivities(deps),
    ...serviceActivities(deps),
    ...replicaActivities(deps),
    ...sliceActivities(deps),
    ...updateActivities(deps),
    ...rotationActivities(deps),
    ...keyActivities(deps),
    ...gatewayActivities(deps),
    ...firewallActivities(deps),
    ...builderActivities(deps),
    ...imageActivities(deps),
    ...commandActivities(deps),
    ...migrationActivities(deps),
    ...commandRunActivities(deps),
    ...schedulerActivities(deps),
    ...deployActivities(deps),
    ...rollbackActivities(deps),
    ...configChangeActivities(deps),
    ...pruningActivities(deps),
    ...convergenceActivities(deps),
    ...serviceRolloutActivities(deps),
    ...restartActivities(deps),
    ...endingActivities(deps),
    ...forcedRemovalActivities(deps),
    ...volumeActivities(deps),
    ...observationActivities(deps),
    ...headActivities(deps),
    ...branchCheckActivities(deps),
  }
}

/** What workflows see of them: names, inputs and answers. */
export type Activities = ReturnType<typeof createActivities>
