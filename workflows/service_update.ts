import { ApplicationFailure, CancellationScope, isCancellation, patched } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import type { UpdatePlan } from '../activities/updates.ts'
import type { Failure } from '../domain/operations.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { untilCommitted } from './converge.ts'
import { asOperation, failureOf, orWarn } from './operation.ts'
import { control, remote, watch } from './proxies.ts'

/**
 * Updates a service that has its data on one server (specification section 11): its container is stopped and another one started on the
 * same volume, from the new image. Where that does not get healthy, the image of before is started again.
 */
export async function service_update({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    const plan = await control.planUpdate({ operationId })
    if (plan.isUnchanged) return 'unchanged'
    const replace = () => replaceContainer(plan, { operationId })
    await untilCommitted({ operationId, of: operationId }, replace, (error) => wentBack(plan, error))
    if (patched('the image of before goes')) await removeBefore(plan, { operationId })
    return 'updated'
  })
}

/** Nobody goes back to it from now on. */
async function removeBefore({ service, serverId, serverName, before }: UpdatePlan, { operationId }: OperationInput): Promise<void> {
  const replaced = { operationId, serviceId: service.id, serverId, image: before }
  await CancellationScope.nonCancellable(() =>
    orWarn({ of: operationId, code: 'not_pruned' }, `${before} was not removed`, () =>
      remote.removeReplacedImage.executeWithOptions({ summary: `remove ${before} from ${serverName}` }, [replaced]),
    ),
  )
}

/** The image is there before anything is stopped; Docker stops the old container before it starts the new one on its volume. */
async function replaceContainer({ service, replicaId, serverId, serverName, image }: UpdatePlan, { operationId }: OperationInput): Promise<void> {
  const pull = { operationId, serverId, image }
  await watch.resolveServiceImage.executeWithOptions({ summary: `pull ${image} on ${serverName}` }, [pull])
  const start = { operationId, order: stepNumbers.serviceUpdate.start, replicaId, image: { reference: image, isLocal: false }, askedBy: null }
  await watch.startReplica.executeWithOptions({ summary: `update ${service.name} on ${serverName}` }, [start])
  await control.recordUpdate({ operationId, serviceId: service.id, image })
}

/** What people are told once the image of before runs again. */
function wentBack({ service, before, image }: UpdatePlan, error: unknown): unknown {
  const cause = failureOf(error)
  if (isCancellation(error) || cause.code === 'cancel_requested') return error
  const failure: Failure = {
    ...cause,
    code: 'update_failed',
    message: `${service.name} could not be updated to ${image}: ${cause.message} It runs again as before, from ${before} and with its data.`,
    hint: 'Look at the log of the step that failed. Stay on the image of before, or wait for the next one and update again.',
  }
  return ApplicationFailure.create({ type: failure.code, message: failure.message, nonRetryable: true, details: [failure] })
}
