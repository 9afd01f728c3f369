import { idOf } from '../db/ids.ts'
import { keptVolumeById, recordVolumeRemoved } from '../db/kept-volumes.ts'
import { operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import type { VolumeId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { removeVolume } from '../drivers/services/clean-up.ts'
import type { ActivityDeps } from './deps.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'

/** Volumes that were kept when what they were of was removed. */
export function volumeActivities(deps: ActivityDeps) {
  const { db } = deps
  return {
    /** Deletes the volume that a `volume_remove` is for, and all that is in it. */
    async deleteVolume({ operationId }: OperationInput): Promise<void> {
      const id = idOf<VolumeId>((await operationById(db, operationId)).targetId)
      const { serverId, name } = await keptVolumeById(db, id)
      await runStep(deps, { operationId, order: stepNumbers.volumeRemove.remove, serverId, step: removeVolume(name) })
      await commitOnce(db, operationId, (tx) => recordVolumeRemoved(tx, id))
    },
  }
}
