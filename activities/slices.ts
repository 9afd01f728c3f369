import { type EngineService, engineService, type EngineSlice, engineSlice, recordSlice } from '../db/engine-services.ts'
import { idOf } from '../db/ids.ts'
import { liveReplicas } from '../db/replicas.ts'
import { operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import type { SliceId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { configuredSlice } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'

/** Databases and keyspaces inside running data services (specification section 12). */
export function sliceActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  const targetOf = async ({ operationId }: OperationInput) => idOf<SliceId>((await operationById(db, operationId)).targetId)
  return {
    /** Makes the slice that the operation is for; a slice that is there already comes out the same. */
    async provisionSlice({ operationId }: OperationInput): Promise<void> {
      const slice = await engineSlice(db, keyring, await targetOf({ operationId }))
      const service = await engineService(db, keyring, slice.serviceId)
      const [replica] = (await liveReplicas(db, [service.id])).filter(({ status }) => status === 'running')
      if (!replica) throw notRunning(service, slice)
      const { containerName, serverId } = replica
      const target = { sliceId: slice.id, containerName, admin: service.adminCredentials }
      const step = configuredSlice({ service, slice }).provision(target)
      const masked = [...Object.values(slice.credentials), ...Object.values(service.adminCredentials)]
      await runStep(deps, { operationId, order: stepNumbers.sliceProvision.provision, serverId, step, masked })
    },

    /** The commit point of a slice's operation: environments may use it from now on. */
    async recordSliceReady(operation: OperationInput): Promise<void> {
      const sliceId = await targetOf(operation)
      await commitOnce(db, operation.operationId, (tx) => recordSlice(tx, sliceId, { status: 'ready' }))
    },
  }
}

function notRunning(service: EngineService, slice: EngineSlice) {
  return finalFailure({
    code: 'service_not_running',
    message: `${service.name} does not run, so ${slice.name} cannot be made in it.`,
    hint: `Deploy the service ${service.name}, then try again.`,
  })
}
