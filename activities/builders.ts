import { leaveQueue, takeTurn } from '../db/builds.ts'
import { engineService } from '../db/engine-services.ts'
import { holdRunning } from '../db/operations/begin.ts'
import type { BuildTurn } from '../domain/builds.ts'
import type { ServiceId } from '../domain/ids.ts'
import { builderOf } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import type { OperationInput } from './operations.ts'

/** The queues of dedicated builders: as many builds at once as a builder has slots, first come, first served. */
export function builderActivities({ db, keyring }: ActivityDeps) {
  return {
    /** Joins the queue of a builder, or looks how far its build has come there. */
    async awaitBuilder({ operationId, builderServiceId }: OperationInput & { builderServiceId: ServiceId }): Promise<BuildTurn> {
      const { slots } = builderOf(await engineService(db, keyring, builderServiceId))
      return db.transaction(async (tx) => {
        await holdRunning(tx, operationId)
        return takeTurn(tx, { operationId, builderServiceId, slots })
      })
    },

    /** The operation builds no more. */
    async leaveBuilder({ operationId }: OperationInput): Promise<void> {
      await leaveQueue(db, operationId)
    },
  }
}
