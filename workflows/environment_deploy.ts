import type { OperationInput } from '../activities/operations.ts'
import type { EnvironmentDeployPlan } from '../domain/deploy-plan.ts'
import { imageOf, type ReplicaImage } from '../domain/images.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { asOperation, together } from './operation.ts'
import { createProgress } from './progress.ts'
import { control, watch } from './proxies.ts'
import { pullImage } from './pull-image.ts'
import { rollOut, rolloutPhases } from './roll-out.ts'

const numbers = stepNumbers.environmentDeploy
const phases = ['plan', 'build', ...rolloutPhases] as const

/** Deploys a commit to an environment: the thirteen steps of specification section 16, in order. */
export async function environment_deploy({ operationId }: OperationInput): Promise<void> {
  const progress = createProgress(phases)
  await asOperation({ operationId }, async () => {
    progress.phase('plan')
    const plan = await control.planDeploy({ operationId })
    if (plan.isUnchanged) return 'unchanged'
    const provideImage = async () => {
      progress.phase('build')
      const image = runningImage(plan) ?? (await build(plan, { operationId }))
      await pullImage(plan, { operationId, image })
      return image
    }
    await rollOut({ operationId, plan, progress, provideImage })
    return 'deployed'
  })
}

const runningImage = ({ build: { running } }: EnvironmentDeployPlan): ReplicaImage | null =>
  running && imageOf(running.reference)

async function build({ build: place }: EnvironmentDeployPlan, { operationId }: OperationInput): Promise<ReplicaImage> {
  const { serverId, serverName, unresolved } = place
  await together(unresolved, ({ reference }, index) => {
    const resolve = { operationId, order: numbers.baseImages + index, serverId, reference }
    return watch.resolveBaseImage.executeWithOptions({ summary: `pull ${reference} on ${serverName}` }, [resolve])
  })
  return watch.buildImage.executeWithOptions({ summary: `build image on ${serverName}` }, [{ operationId }])
}
