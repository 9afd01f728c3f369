import type { OperationInput } from '../activities/operations.ts'
import { asOperation } from './operation.ts'
import { createProgress } from './progress.ts'
import { control, remote } from './proxies.ts'
import { pullImage } from './pull-image.ts'
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
    if (plan.isUnchanged) return 'unchanged'
    const provideImage = async () => {
      progress.phase('find image')
      const summary = `find image on ${plan.build.serverName}`
      const image = await remote.findReleasedImage.executeWithOptions({ summary }, [{ operationId }])
      await pullImage(plan, { operationId, image })
      return image
    }
    await rollOut({ operationId, plan, progress, provideImage })
    return 'rolled_back'
  })
}
