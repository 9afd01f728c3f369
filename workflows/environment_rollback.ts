import type { OperationInput } from '../activities/operations.ts'
import { leaveUnchanged } from './close-detached.ts'
import { findImage } from './find-image.ts'
import { asOperation } from './operation.ts'
import { createProgress } from './progress.ts'
import { control } from './proxies.ts'
import { rollOut, rolloutPhases } from './roll-out.ts'

const phases = ['plan', 'find image', ...rolloutPhases] as const

/**
 * Brings back an earlier release of an environment, as a new release: nothing is built, and no migration is run or reverted.
 * From the image on it is a deploy like any other.
 */
export async function environment_rollback({ operationId }: OperationInput): Promise<void> {
  const progress = createProgress(phases)
  await asOperation({ operationId }, async () => {
    progress.phase('plan')
    const plan = await control.planRollback({ operationId })
    if (plan.isUnchanged) return leaveUnchanged(plan, { operationId })
    const provideImage = () => {
      progress.phase('find image')
      return findImage(plan, { operationId })
    }
    await rollOut({ operationId, plan, progress, provideImage })
    return 'rolled_back'
  })
}
