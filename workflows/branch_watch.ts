import { isCancellation } from '@temporalio/workflow'
import { failureOf, together } from './operation.ts'
import { control, observer } from './proxies.ts'

/** What a round came to; read in the Temporal Web UI. */
export interface BranchWatch {
  repositories: number
  /** A line for each that could not be read. */
  failures: string[]
}

/**
 * Looks up the branches of environments that want it, and requests deployments for pushes that no webhook has told of. A Temporal Schedule
 * starts it.
 */
export async function branch_watch(): Promise<BranchWatch> {
  const failures: string[] = []
  const { repositories } = await control.planBranchWatch()
  await together(repositories, async (repository) => {
    try {
      await observer.checkBranches.executeWithOptions({ summary: `look at ${repository.repositoryUrl}` }, [repository])
    } catch (error) {
      if (isCancellation(error)) throw error
      failures.push(`${repository.repositoryUrl}: ${failureOf(error).message}`)
    }
  })
  return { repositories: repositories.length, failures }
}
