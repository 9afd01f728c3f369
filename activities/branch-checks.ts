import { type CheckedEnvironment, environmentsToCheck, isMoveKnown, recordBranchHead, type Repository, repositoriesToCheck, takeEnvironmentToCheck } from '../db/branch-checks.ts'
import { requestPushDeploy } from '../db/push-deploys.ts'
import { pruneDeliveries } from '../db/webhooks.ts'
import type { RemoteRefs } from '../drivers/sources/refs.ts'
import type { ActivityDeps } from './deps.ts'
import { asFailure } from './failures.ts'
import { repositoryAccess } from './repository.ts'

/** Looks for pushes that nobody has told of: a git host that could not deliver one may never try again. */
export function branchCheckActivities(deps: ActivityDeps) {
  const { db, sources } = deps
  return {
    /** The repositories in which a branch is due to be looked up. Forgets old deliveries, too. */
    async planBranchWatch(): Promise<{ repositories: Repository[] }> {
      await pruneDeliveries(db)
      return { repositories: await repositoriesToCheck(db) }
    },

    /** Looks up the branches of a repository once, for all environments that want it, and requests what nobody has told of. */
    async checkBranches(repository: Repository): Promise<{ environments: number }> {
      const checked = await environmentsToCheck(db, repository)
      const [first] = checked
      if (!first) return { environments: 0 }
      const access = await repositoryAccess(deps, first.application)
      const { branches } = await sources.refs(access).catch((error: unknown) => {
        throw asFailure(error, 'look up branches')
      })
      for (const one of checked) await checkOne(one, branches)
      return { environments: checked.length }
    },
  }

  async function checkOne({ id, application }: CheckedEnvironment, branches: RemoteRefs['branches']): Promise<void> {
    await db.transaction(async (tx) => {
      const environment = await takeEnvironmentToCheck(tx, id)
      const head = branches.get(environment?.branch ?? '')
      if (!environment || head === undefined) return
      const { branchHead: before, branch, status } = environment
      await recordBranchHead(tx, id, head)
      const isBeginning = before === null && status === 'new'
      if (head === before || isBeginning || (await isMoveKnown(tx, environment, head))) return
      const cause = `push of ${head.slice(0, 7)} to ${branch}, which nobody had told of`
      const condition = { since: before === null ? [] : [before], heedsSkip: true }
      await requestPushDeploy(tx, { environment, applicationName: application.name, version: { condition }, trigger: { by: 'schedule', actor: 'branch_watch', cause } })
    })
  }
}
