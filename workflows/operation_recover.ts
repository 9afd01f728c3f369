import type { OperationInput } from '../activities/operations.ts'
import { closeDetached } from './close-detached.ts'
import type { ConvergenceInput } from '../activities/convergence.ts'
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
    const committed = { operationId, of: lostId }
    if (result === 'committed' && isRollout) await completeDeploy(committed)
    if (result === 'committed' && kind === 'slice_detach') await closeDetached(committed)
    if (result === 'committed' && kind === 'slice_remove') await removeSlice(committed)
    if (result === 'committed' && (kind === 'service_stop' || kind === 'route_remove')) await end(committed)
    if (result === 'committed' && (kind === 'service_remove' || kind === 'environment_remove')) await remove(committed)
    if (result === 'committed' && kind === 'server_remove') await removeServer(committed)
    if (result === 'committed' && kind === 'server_reboot') await orFailed(committed, hasEnded ? returnFromReboot : completeReboot)
    if (result === 'committed' && kind === 'credential_rotation') await orFailed(committed, completeRotation)
    if (result === 'committed' && kind === 'server_key_rotation') await orFailed(committed, retireServerKey)
    await control.finishLost({ operationId: lostId, isCommitted: result === 'committed' })
    return result === 'committed' ? 'completed' : 'taken back'
  })
}

/** One that cannot be completed has failed for its own reason: what is asked for again goes on where it was. */
async function orFailed(work: ConvergenceInput, complete: (work: ConvergenceInput) => Promise<void>): Promise<void> {
  await complete(work).catch(async (error: unknown) => {
    await control.finishLost({ operationId: work.of, isCommitted: true, failure: failureOf(error) })
    throw error
  })
}
