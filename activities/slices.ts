import { z } from 'zod'
import { type EngineService, engineService, type EngineSlice, engineSlice, recordSlice } from '../db/engine-services.ts'
import { idOf } from '../db/ids.ts'
import { operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import type { Operation } from '../db/operations/request.ts'
import { liveReplicas } from '../db/replicas.ts'
import { rotationOf } from '../db/rotations.ts'
import { lockService } from '../db/services.ts'
import { detach, type SliceUse, usesOf } from '../db/slice-uses.ts'
import type { AttachmentId, OperationId, ServerId, SliceId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import type { ConfiguredSlice, SliceTarget } from '../drivers/services/contract-slices.ts'
import type { ServiceStep } from '../drivers/services/contract-step.ts'
import { configuredSlice } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'

/** Work on the slice of the operation `of`: by itself, or by its recovery. */
export interface SliceWork extends OperationInput {
  of: OperationId
}

/** `operations.input` of a `slice_configure`: settings that take the place of the slice's own. */
const configuration = z.object({ settings: z.record(z.string(), z.unknown()).default({}) })

/** `operations.input` of a `slice_detach`. */
const detachment = z.object({ attachmentId: z.uuid() })

/** Databases and keyspaces inside running data services (specification section 12). Their containers stay as they are. */
export function sliceActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  const targetOf = async ({ operationId }: OperationInput) => idOf<SliceId>((await operationById(db, operationId)).targetId)
  return {
    /** Makes the slice that the operation is for; a slice that is there already comes out the same. */
    async provisionSlice({ operationId }: OperationInput): Promise<void> {
      const slice = await usableSlice(deps, await targetOf({ operationId }))
      await runOnSlice(deps, { operationId, order: stepNumbers.sliceProvision.provision, slice }, (own, target) => own.provision(target))
    },

    /** Gives the slice the settings that the operation is for, whole or not at all. */
    async configureSlice({ operationId }: OperationInput): Promise<void> {
      const operation = await operationById(db, operationId)
      const before = await usableSlice(deps, idOf<SliceId>(operation.targetId))
      const slice = { ...before, config: configOf(before, operation) }
      const work = { operationId, order: stepNumbers.sliceConfigure.configure, slice }
      await runOnSlice(deps, work, (own, target) => own.configure(target, before.config))
    },

    /** Makes the slice of an operation that is taken back what its row says; what was added to it and is in nobody's way stays. */
    async restoreSlice({ operationId, of }: SliceWork): Promise<void> {
      const slice = await engineSlice(db, keyring, await targetOf({ operationId: of }))
      await runOnSlice(deps, { operationId, order: stepNumbers.convergence.restore, slice }, (own, target) => own.provision(target))
    },

    /** The commit point of a slice's operation: environments may use it from now on, with the settings that the operation is for. */
    async recordSliceReady({ operationId }: OperationInput): Promise<void> {
      await commitOnce(db, operationId, async (tx, operation) => {
        const id = idOf<SliceId>(operation.targetId)
        const changed = 'settings' in operation.input ? { config: configOf(await engineSlice(tx, keyring, id), operation) } : {}
        await recordSlice(tx, id, { status: 'ready', ...changed })
      })
    },

    /** The commit point of a detachment: what is rolled out from now on has its variables no more. */
    async detachSlice({ operationId }: OperationInput): Promise<void> {
      await commitOnce(db, operationId, async (tx, { input }) => {
        await detach(tx, idOf<AttachmentId>(detachment.parse(input).attachmentId))
      })
    },

    /**
     * The commit point of a removal: nobody can attach the slice any more. Fails as `slice_in_use` where an environment uses it, and as
     * `service_not_running`, and changes nothing then.
     */
    async beginSliceRemoval({ operationId }: OperationInput): Promise<void> {
      await commitOnce(db, operationId, async (tx, { targetId }) => {
        const id = idOf<SliceId>(targetId)
        const { serviceId, name, status } = await engineSlice(tx, keyring, id)
        if (status === 'removed') return
        await lockService(tx, serviceId)
        const uses = await usesOf(tx, [id])
        if (uses.length > 0) throw inUse(name, uses)
        await runningReplica({ ...deps, db: tx }, { service: await engineService(tx, keyring, serviceId), name })
        await recordSlice(tx, id, { status: 'removing' })
      })
    },

    /** Removes what there is of the slice, its data with it; fine when it is gone. */
    async removeSlice({ operationId, of }: SliceWork): Promise<void> {
      const slice = await engineSlice(db, keyring, await targetOf({ operationId: of }))
      if (slice.status === 'removed') return
      await runOnSlice(deps, { operationId, order: stepNumbers.sliceRemove.remove, slice }, (own, target) => own.remove(target))
    },

    /** The slice is gone; its name is free again. */
    async recordSliceRemoved({ of }: SliceWork): Promise<void> {
      await recordSlice(db, await targetOf({ operationId: of }), { status: 'removed' })
    },
  }
}

const configOf = ({ config }: EngineSlice, { input }: Pick<Operation, 'input'>) => ({ ...config, ...configuration.parse(input).settings })

/**
 * Fails as `slice_removed`: nothing is made anew of what was removed, for its names may be another one's by now. And as
 * `rotation_unfinished`: making it anew would let nobody in by the credentials of before, which an environment may still use.
 */
async function usableSlice({ db, keyring }: ActivityDeps, id: SliceId): Promise<EngineSlice> {
  const slice = await engineSlice(db, keyring, id)
  if (await rotationOf(db, keyring, id)) throw rotationUnfinished(slice)
  if (slice.status !== 'removing' && slice.status !== 'removed') return slice
  throw finalFailure({ code: 'slice_removed', message: `${slice.name} has been removed.`, hint: 'Make another one.' })
}

const rotationUnfinished = ({ name }: EngineSlice) =>
  finalFailure({
    code: 'rotation_unfinished',
    message: `The rotation of the credentials of ${name} has not come to its end.`,
    hint: 'Rotate them again: it goes on where it was.',
  })

interface StepOnSlice extends OperationInput {
  order: number
  slice: EngineSlice
}

/** Runs a client of the service in its container. Fails as `service_not_running`. */
async function runOnSlice(
  deps: ActivityDeps,
  { operationId, order, slice }: StepOnSlice,
  stepOf: (own: ConfiguredSlice, target: SliceTarget) => ServiceStep<void>,
): Promise<void> {
  const service = await engineService(deps.db, deps.keyring, slice.serviceId)
  const { target, serverId } = await sliceTarget(deps, { service, slice })
  const step = stepOf(configuredSlice({ service, slice }), target)
  const masked = [...Object.values(slice.credentials), ...Object.values(service.adminCredentials)]
  await runStep(deps, { operationId, order, serverId, step, masked })
}

/** Where the steps of a slice are run. Fails as `service_not_running`. */
export async function sliceTarget(
  deps: Pick<ActivityDeps, 'db'>,
  { service, slice }: { service: EngineService; slice: EngineSlice },
): Promise<{ target: SliceTarget; serverId: ServerId }> {
  const { containerName, serverId } = await runningReplica(deps, { service, name: slice.name })
  return { target: { sliceId: slice.id, containerName, admin: service.adminCredentials }, serverId }
}

/** `name` is the slice's. */
async function runningReplica({ db }: Pick<ActivityDeps, 'db'>, { service, name }: { service: EngineService; name: string }) {
  const [replica] = (await liveReplicas(db, [service.id])).filter(({ status }) => status === 'running')
  if (replica) return replica
  throw finalFailure({
    code: 'service_not_running',
    message: `${service.name} does not run, so nothing can be done with ${name} in it.`,
    hint: `Deploy the service ${service.name}, then try again.`,
  })
}

function inUse(name: string, uses: readonly SliceUse[]) {
  const users = uses.map(({ application, environment }) => `${environment} of ${application}`).join(', ')
  return finalFailure({ code: 'slice_in_use', message: `${name} is used by ${users}.`, hint: 'Detach it there and deploy, then remove it again.' })
}
