import type { OperationInput } from '../activities/operations.ts'
import type { EnvironmentDeployPlan } from '../domain/deploy-plan.ts'
import type { ReplicaImage } from '../domain/images.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { together } from './operation.ts'
import { watch } from './proxies.ts'

/** Makes the image present on the servers that have not built it, all at once and before anything changes for the application. */
export async function pullImage({ build }: EnvironmentDeployPlan, { operationId, image }: OperationInput & { image: ReplicaImage }): Promise<void> {
  await together(build.pulls ?? [], ({ serverId, serverName }, index) => {
    const pull = { operationId, order: stepNumbers.environmentDeploy.pull + index, serverId, image: image.reference }
    return watch.pullImage.executeWithOptions({ summary: `pull image on ${serverName}` }, [pull])
  })
}
