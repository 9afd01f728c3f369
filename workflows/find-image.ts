import type { OperationInput } from '../activities/operations.ts'
import type { EnvironmentDeployPlan } from '../domain/deploy-plan.ts'
import { imageOf, type ReplicaImage } from '../domain/images.ts'
import { remote } from './proxies.ts'
import { pullImage } from './pull-image.ts'

/** The image of a release that exists already: it is looked for unless a container runs it, and pulled where it is to run. */
export async function findImage(plan: EnvironmentDeployPlan, { operationId }: OperationInput): Promise<ReplicaImage> {
  const image = runningImage(plan) ?? (await releasedImage(plan, { operationId }))
  await pullImage(plan, { operationId, image })
  return image
}

/** The image that runs where it would be needed; null where it has to be made or looked for. */
export const runningImage = ({ build: { running } }: EnvironmentDeployPlan): ReplicaImage | null =>
  running && imageOf(running.reference)

function releasedImage({ build }: EnvironmentDeployPlan, { operationId }: OperationInput): Promise<ReplicaImage> {
  const summary = `find image on ${build.serverName}`
  return remote.findReleasedImage.executeWithOptions({ summary }, [{ operationId }])
}
