import type { OperationInput } from '../activities/operations.ts'
import { buildImage } from './build-image.ts'
import { leaveUnchanged } from './close-detached.ts'
import { runningImage } from './find-image.ts'
import { followHead } from './follow-head.ts'
import { asOperation } from './operation.ts'
import { createProgress } from './progress.ts'
import { control } from './proxies.ts'
import { pullImage } from './pull-image.ts'
import { rollOut, rolloutPhases } from './roll-out.ts'

const phases = ['plan', 'build', ...rolloutPhases] as const

interface DeployInput extends OperationInput {
  /** A push has caused it: what it deploys is what the branch is at now. */
  followsBranch?: boolean
}

/** Deploys a commit to an environment: the thirteen steps of specification section 16, in order. */
export async function environment_deploy({ operationId, followsBranch = false }: DeployInput): Promise<void> {
  const progress = createProgress(phases)
  await asOperation({ operationId }, async () => {
    progress.phase('plan')
    const unwanted = followsBranch ? await followHead({ operationId }) : null
    if (unwanted) return unwanted
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
