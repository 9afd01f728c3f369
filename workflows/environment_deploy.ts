import type { OperationInput } from '../activities/operations.ts'
import { buildImage } from './build-image.ts'
import { leaveUnchanged } from './close-detached.ts'
import { runningImage } from './find-image.ts'
import { asOperation } from './operation.ts'
import { createProgress } from './progress.ts'
import { control } from './proxies.ts'
import { pullImage } from './pull-image.ts'
import { rollOut, rolloutPhases } from './roll-out.ts'

const phases = ['plan', 'build', ...rolloutPhases] as const

/** Deploys a commit to an environment: the thirteen steps of specification section 16, in order. */
export async function environment_deploy({ operationId }: OperationInput): Promise<void> {
  const progress = createProgress(phases)
  await asOperation({ operationId }, async () => {
    progress.phase('plan')
    const plan = await control.planDeploy({ operationId })
    if (plan.isUnchanged) return leaveUnchanged(plan, { operationId })
    const provideImage = async () => {
      progress.phase('build')
      const image = runningImage(plan) ?? (await buildImage({ operationId, build: plan.build, progress }))
      await pullImage(plan, { operationId, image })
      return image
    }
    await rollOut({ operationId, plan, progress, provideImage })
    return 'deployed'
  })
}
