import type { OperationInput } from '../activities/operations.ts'
import { imageOf } from '../domain/images.ts'
import { createProgress } from './progress.ts'
import { control } from './proxies.ts'
import { pullImage } from './pull-image.ts'
import { rollOut, rolloutPhases } from './roll-out.ts'

const phases = ['plan', ...rolloutPhases] as const

/** Rolls out one service of an environment with an image that exists, as a deploy does; the others stay as they are. */
export async function rollOutService({ operationId }: OperationInput): Promise<'deployed' | 'unchanged'> {
  const progress = createProgress(phases)
  progress.phase('plan')
  const plan = await control.planServiceRollout({ operationId })
  const { running } = plan.build
  if (plan.isUnchanged || running === null) return 'unchanged'
  const image = imageOf(running.reference)
  const provideImage = async () => {
    await pullImage(plan, { operationId, image })
    return image
  }
  await rollOut({ operationId, plan, progress, provideImage })
  return 'deployed'
}
