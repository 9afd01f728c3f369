import type { ConvergenceInput } from '../activities/convergence.ts'
import type { OperationInput } from '../activities/operations.ts'
import type { OperationKind } from '../domain/operations.ts'
import { closeDetached } from './close-detached.ts'
import { completeDeploy } from './complete-deploy.ts'
import { completeReboot, returnFromReboot } from './complete-reboot.ts'
import { completeRotation } from './complete-rotation.ts'
import { converge } from './converge.ts'
import { end, remove } from './ending.ts'
import { asOperation, failureOf } from './operation.ts'
import { control } from './proxies.ts'
import { removeServer } from './remove-server.ts'
import { removeSlice } from './remove-slice.ts'
import { retireServerKey } from './retire-server-key.ts'

/**
 * Ends an operation whose workflow was terminated or lost (design section 4), under its locks: what had not reached its commit
 * point is taken back and failed, what had is brought to its end. A server that does not answer for long ends both, so that
 * others may go on; then the dispatcher asks for another recovery.
 */
export async function operation_recover({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    const { lostId, isRollout, kind, hasEnded = false } = await control.takeOver({ operationId })
    const result = await converge({ operationId, of: lostId }).catch(async (error: unknown) => {
      await control.abandonConvergence({ operationId, of: lostId, reason: failureOf(error).message })
      await control.finishLost({ operationId: lostId, isCommitted: false })
      throw error
    })
    if (result === 'committed') {
      const committed = { operationId, of: lostId, hasEnded }
      if (isRollout) await completeDeploy(committed)
      if (kind) await completions[kind]?.(committed)
    }
    await control.finishLost({ operationId: lostId, isCommitted: result === 'committed' })
    return result === 'committed' ? 'completed' : 'taken back'
  })
}

interface Completed extends ConvergenceInput {
  /** It had ended before it was lost, with something left to be brought back. */
  hasEnded: boolean
}

type Completion = (work: Completed) => Promise<unknown>

/** What still follows the commit point, by kind; where there is none, nothing does. */
const completions: Partial<Record<OperationKind, Completion>> = {
  slice_detach: closeDetached,
  slice_remove: removeSlice,
  service_stop: end,
  route_remove: end,
  service_remove: remove,
  environment_remove: remove,
  server_remove: removeServer,
  server_reboot: orFailed((work) => (work.hasEnded ? returnFromReboot(work) : completeReboot(work))),
  server_key_rotation: orFailed(retireServerKey),
  credential_rotation: orFailed(completeRotation),
}

/** One that cannot be completed has failed for its own reason: what is asked for again goes on where it was. */
function orFailed(complete: Completion): Completion {
  return async (work) => {
    await complete(work).catch(async (error: unknown) => {
      await control.finishLost({ operationId: work.of, isCommitted: true, failure: failureOf(error) })
      throw error
    })
  }
}
