import type { OperationInput } from '../activities/operations.ts'
import { leaveUnchanged } from './close-detached.ts'
import { findImage } from './find-image.ts'
import { asOperation } from './operation.ts'
import { createProgress } from './progress.ts'
import { control } from './proxies.ts'
import { rollOut, rolloutPhases } from './roll-out.ts'

const phases = ['plan', 'find image', ...rolloutPhases] as const

/**
 * Rolls out variables, limits, process settings and placements as they are set now, with the image of the live release: nothing
 * is built and nothing is migrated. Services that would come out the same stay exactly as they are.
 */
export async function config_change({ operationId }: OperationInput): Promise<void> {
  const progress = createProgress(phases)
  await asOperation({ operationId }, async () => {
    progress.phase('plan')
    const plan = await control.planConfigChange({ operationId })
    if (plan.isUnchanged) return leaveUnchanged(plan, { operationId })
    const provideImage = () => {
      progress.phase('find image')
      return findImage(plan, { operationId })
    }
    await rollOut({ operationId, plan, progress, provideImage })
    return 'changed'
  })
}
