import { ApplicationFailure, sleep } from '@temporalio/workflow'
import type { ConvergenceInput } from '../activities/convergence.ts'
import type { OperationId } from '../domain/ids.ts'
import type { Progress } from './progress.ts'
import { control, remote } from './proxies.ts'

interface Completion extends ConvergenceInput {
  progress?: Progress
}

/**
 * What follows once the credentials of a rotation `of` are switched: every environment is started with them, one beside the other, then
 * the ones before are retired. Where an environment fails those stay valid, and the next rotation goes on from here.
 */
export async function completeRotation({ operationId, of, progress }: Completion): Promise<void> {
  progress?.phase('change environments')
  const { operationIds } = await control.changeAttached({ operationId, of })
  const failure = await untilChanged(operationIds, progress)
  if (failure) throw ApplicationFailure.create({ type: failure.code, message: failure.message, nonRetryable: true, details: [failure] })
  progress?.phase('retire old credentials')
  await remote.retireCredentials.executeWithOptions({ summary: 'retire the old credentials' }, [{ operationId, of }])
}

/** Asks again and again, at last four times a minute; answers why one of them failed, when all have ended. */
async function untilChanged(operationIds: readonly OperationId[], progress: Progress | undefined) {
  for (let seconds = 1; ; seconds = Math.min(seconds * 1.2, 15)) {
    const { waiting, failure } = await control.lookAtChanges({ operationIds })
    progress?.waiting(waiting === 0 ? null : `${waiting} ${waiting === 1 ? 'environment starts' : 'environments start'} with the new credentials`)
    if (waiting === 0) return failure
    await sleep(seconds * 1000)
  }
}
