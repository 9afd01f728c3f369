import { CancellationScope, sleep } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import type { EnvironmentDeployPlan } from '../domain/deploy-plan.ts'
import type { ReplicaImage } from '../domain/images.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { together } from './operation.ts'
import type { Progress } from './progress.ts'
import { control, watch } from './proxies.ts'

type Build = EnvironmentDeployPlan['build']

/** A build of a plan, and where people see that it waits. */
export interface PlannedBuild extends OperationInput {
  build: Build
  progress: Progress
}

/** Builds the image of a plan; at a dedicated builder when it is its turn there, and however it ends the next one follows. */
export async function buildImage({ operationId, build, progress }: PlannedBuild): Promise<ReplicaImage> {
  const { builder } = build
  if (!builder) return buildOn(build, { operationId })
  try {
    await untilItsTurn(builder, { operationId, progress })
    return await buildOn(build, { operationId })
  } finally {
    await CancellationScope.nonCancellable(() => control.leaveBuilder({ operationId }))
  }
}

/** Asks again and again, at last four times a minute: a wait of three hours stays far below what a history can hold. */
async function untilItsTurn(builder: NonNullable<Build['builder']>, { operationId, progress }: Omit<PlannedBuild, 'build'>): Promise<void> {
  for (let seconds = 1; ; seconds = Math.min(seconds * 1.2, 15)) {
    const { ahead } = await control.awaitBuilder({ operationId, builderServiceId: builder.id })
    progress.waiting(ahead === 0 ? null : `${builder.name} has ${ahead} ${ahead === 1 ? 'build' : 'builds'} to end before this one`)
    if (ahead === 0) return
    await sleep(seconds * 1000)
  }
}

async function buildOn({ serverId, serverName, unresolved }: Build, { operationId }: OperationInput): Promise<ReplicaImage> {
  await together(unresolved, ({ reference }, index) => {
    const resolve = { operationId, order: stepNumbers.environmentDeploy.baseImages + index, serverId, reference }
    return watch.resolveBaseImage.executeWithOptions({ summary: `pull ${reference} on ${serverName}` }, [resolve])
  })
  return watch.buildImage.executeWithOptions({ summary: `build image on ${serverName}` }, [{ operationId }])
}
