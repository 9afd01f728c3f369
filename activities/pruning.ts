import { operationById } from '../db/operations/begin.ts'
import { environmentRolledOut } from '../db/operations/environment.ts'
import { giveUpReleases, keptOn, type PrunedServer, recordFoldersPruned, recordPruned, serversToPrune } from '../db/pruning.ts'
import type { EnvironmentId, ServerId } from '../domain/ids.ts'
import { prune } from '../drivers/services/prune.ts'
import type { ActivityDeps } from './deps.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'

/** An environment that is to be pruned on one server. */
export interface ServerPruning extends OperationInput {
  order: number
  environmentId: EnvironmentId
  serverId: ServerId
}

/** Removal of what no kept release needs (design section 6). */
export function pruningActivities(deps: ActivityDeps) {
  const { db } = deps
  return {
    /** Gives up the releases beyond the environment's retention, and says where something is to be removed. */
    async planPruning({ operationId }: OperationInput): Promise<{ environmentId: EnvironmentId; servers: PrunedServer[] }> {
      const environmentId = environmentRolledOut(await operationById(db, operationId))
      await db.transaction((tx) => giveUpReleases(tx, environmentId))
      return { environmentId, servers: await serversToPrune(db, environmentId) }
    },

    /** Removes images and old operation folders from one server, and records which images are gone. */
    async pruneServer({ operationId, order, environmentId, serverId }: ServerPruning): Promise<void> {
      const step = prune({ environmentId, ...(await keptOn(db, environmentId, serverId)) })
      const { imageIds } = await runStep(deps, { operationId, order, serverId, step })
      await db.transaction(async (tx) => {
        await recordPruned(tx, { environmentId, serverId, present: imageIds })
        await recordFoldersPruned(tx, serverId, operationId)
      })
    },
  }
}
