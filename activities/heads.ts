import { z } from 'zod'
import { idOf } from '../db/ids.ts'
import { operationById } from '../db/operations/begin.ts'
import { recordHead } from '../db/push-deploys.ts'
import type { EnvironmentId, ServerId } from '../domain/ids.ts'
import { saysSkip, triggerPathsOf } from '../domain/pushes.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { compareHead } from '../drivers/sources/compare-head.ts'
import type { ActivityDeps } from './deps.ts'
import { asFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { placedEnvironment } from './placed-environment.ts'
import { runStep } from './remote-step.ts'
import { repositoryAccess, repositoryOnServer } from './repository.ts'

/** `operations.input` of a deployment that a push has caused; it has a commit once its head was looked up. */
const following = z.object({
  branch: z.string(),
  commit: z.string().optional(),
  condition: z.object({ since: z.array(z.string()), heedsSkip: z.boolean() }).optional(),
})

/** What is deployed, and where git is to compare it with what was before; null where it is wanted in any case. */
export interface ResolvedHead {
  commit: string
  comparison: { serverId: ServerId; serverName: string } | null
}

/** Deployments that pushes cause: of what the branch is at when they begin, where that is wanted. */
export function headActivities(deps: ActivityDeps) {
  const { db, sources } = deps
  return {
    /** Looks up what the branch is at, which is the operation's commit from then on; a repetition finds it. */
    async resolveHead({ operationId }: OperationInput): Promise<ResolvedHead> {
      const operation = await operationById(db, operationId)
      const { branch, commit: known, condition } = following.parse(operation.input)
      const { application, placement } = await placedEnvironment(deps, idOf<EnvironmentId>(operation.targetId))
      const commit = known ?? (await recordHead(db, operation, await headOf(await repositoryAccess(deps, application), branch)))
      return { commit, comparison: condition ? { serverId: placement.serverId, serverName: placement.serverName } : null }
    },

    /** Compares the head with what was before, by git on a server, and says why it is not wanted, if it is not. */
    async compareHead({ operationId, serverId }: OperationInput & { serverId: ServerId }): Promise<'wanted' | 'outside_trigger_paths' | 'skip_requested'> {
      const { input, targetId } = await operationById(db, operationId)
      const { commit, condition } = following.parse(input)
      if (commit === undefined || condition === undefined) throw new Error(`operation ${operationId} has nothing to compare`)
      const { environment, application } = await placedEnvironment(deps, idOf<EnvironmentId>(targetId))
      const repository = await repositoryOnServer(deps, application)
      const step = compareHead({ ...repository, head: commit, since: condition.since, paths: triggerPathsOf(environment, application) })
      const { isDifferent, message } = await runStep(deps, { operationId, order: stepNumbers.environmentDeploy.compare, serverId, step })
      if (!isDifferent) return 'outside_trigger_paths'
      return condition.heedsSkip && saysSkip(message) ? 'skip_requested' : 'wanted'
    },
  }

  async function headOf(access: Parameters<typeof sources.head>[0], branch: string): Promise<string> {
    return sources.head(access, branch).catch((error: unknown) => {
      throw asFailure(error, 'look up the head of the branch')
    })
  }
}
