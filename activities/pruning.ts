import type { Database } from '../db/connect.ts'
import { operationById } from '../db/operations/begin.ts'
import { environmentRolledOut } from '../db/operations/environment.ts'
import type { WatchedServer } from '../db/observations.ts'
import {
  environmentsThatLeft,
  environmentsWithImagesOn,
  giveUpReleases,
  keptOfLeft,
  keptOn,
  openOperationsOn,
  outdatedOn,
  type PrunedServer,
  recordFoldersPruned,
  recordPruned,
  serversToPrune,
} from '../db/pruning.ts'
import { serverAccess } from '../db/server-access.ts'
import type { EnvironmentId, ServerId } from '../domain/ids.ts'
import type { ServiceStep } from '../drivers/services/contract-step.ts'
import { prune, tidy } from '../drivers/services/prune.ts'
import type { Remote } from '../drivers/ssh/remote.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { askServer, runStep } from './remote-step.ts'

/** An environment that is to be pruned on one server. */
export interface ServerPruning extends OperationInput {
  order: number
  environmentId: EnvironmentId
  serverId: ServerId
}

/** Removal of what no kept release needs (design section 6). */
export function pruningActivities(deps: ActivityDeps) {
  const { db, keyring, ssh } = deps
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

    /**
     * Removes from a server what no deploy comes by any more: images of environments that have left it, images that one keeps no more though
     * it has not been deployed since, folders of old operations, and containers that these have left. No operation: nobody can need it,
     * whatever runs meanwhile. Answers a line for each thing.
     */
    async tidyServer({ server: { id, name, organisationId } }: { server: WatchedServer }): Promise<{ removed: string[] }> {
      const remote = ssh.to(await serverAccess(db, keyring, id, 'management'))
      const left = await environmentsThatLeft(db, id)
      const prunings = await Promise.all(left.map(async (environmentId) => prune({ environmentId, ...(await keptOfLeft(db, environmentId, id)) })))
      const removed: string[] = []
      for (const step of [...prunings, ...(await outdated(db, id, left)), tidy({ organisationId, operations: await openOperationsOn(db, id) })]) {
        removed.push(...(await askServer('tidy up', () => done(remote, { server: name, step }))))
      }
      return { removed }
    },
  }
}

/** Removal of what environments that are still on a server keep no more. */
async function outdated(db: Database, serverId: ServerId, left: readonly EnvironmentId[]): Promise<ServiceStep<unknown>[]> {
  const present = (await environmentsWithImagesOn(db, serverId)).filter((environmentId) => !left.includes(environmentId))
  const steps: ServiceStep<unknown>[] = []
  for (const environmentId of present) {
    const found = await outdatedOn(db, environmentId, serverId)
    if (found && found.only.length + found.unneeded.length > 0) steps.push(prune({ environmentId, ...found }))
  }
  return steps
}

const tidySeconds = 240

/** Runs a step that nobody has to find again; answers what it says. Fails as `not_tidied`. */
async function done(remote: Remote, { server, step }: { server: string; step: ServiceStep<unknown> }): Promise<string[]> {
  const inputs = Object.entries({ ...step.inputs, KEYSTONE_RESULT: '/dev/null' }).map(([key, value]) => `${key}=${value}`)
  const { exitCode, stdout, stderr } = await remote.command(['env', ...inputs, 'bash', '-c', step.script], { timeoutSeconds: tidySeconds })
  if (exitCode === 0) return stdout.split('\n').filter((line) => line !== '')
  throw finalFailure({ code: 'not_tidied', message: `${server} could not be tidied up (exit code ${exitCode}): ${stderr.trim().slice(-500)}`, server })
}
