import { type EngineService, engineService, type EngineSlice, engineSlice } from '../db/engine-services.ts'
import { childId, idOf } from '../db/ids.ts'
import { locksOfEnvironment } from '../db/operation-locks.ts'
import { holdRunning, operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { warn } from '../db/operations/finish.ts'
import { operationStates, requestUnder } from '../db/operations/under.ts'
import { attachedEnvironments, beginRotation, endRotation, holdsEnvironments, type Rotation, rotationOf, servicesLeftBehind, switchRotation } from '../db/rotations.ts'
import { type SliceUse, usesOf } from '../db/slice-uses.ts'
import type { OperationId, SliceId } from '../domain/ids.ts'
import { type Failure, hasEnded } from '../domain/operations.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import type { Warning } from '../domain/warnings.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import { configuredSlice } from './configured-services.ts'
import type { ConvergenceInput } from './convergence.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'
import { sliceTarget } from './slices.ts'

/** What a rotation begins with. */
export interface RotationPlan {
  sliceName: string
  serviceName: string
  /** An earlier rotation has come so far that the credentials are the new ones: what is left of it is done. */
  isSwitched: boolean
}

/** How the environments have come along that are brought to the new credentials. */
export interface EnvironmentChanges {
  /** How many are under way. */
  waiting: number
  /** Why the first of those that failed did. */
  failure: Failure | null
}

/** A part of a rotation that is taken back. */
export interface Withdrawal extends ConvergenceInput {
  order: number
  sliceId: SliceId
}

/** Credentials of slices are changed without an outage (design section 9). */
export function rotationActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  const sliceOf = async (operationId: OperationId): Promise<{ service: EngineService; slice: EngineSlice }> => {
    const slice = await engineSlice(db, keyring, idOf<SliceId>((await operationById(db, operationId)).targetId))
    return { slice, service: await engineService(db, keyring, slice.serviceId) }
  }
  const rotate = async (
    { service, slice, rotation }: { service: EngineService; slice: EngineSlice; rotation: Rotation },
    { operationId, order, work }: OperationInput & { order: number; work: 'admit' | 'retire' },
  ) => {
    const { target, serverId } = await sliceTarget(deps, { service, slice })
    const configured = configuredSlice({ service, slice })
    const masked = [...Object.values(slice.credentials), ...Object.values(rotation.credentials), ...Object.values(service.adminCredentials)]
    if (work === 'admit') {
      await runStep(deps, { operationId, order, serverId, step: configured.admit(target, rotation.credentials), masked })
      return 0
    }
    const { ended } = await runStep(deps, { operationId, order, serverId, step: configured.retire(target, rotation.credentials), masked })
    return ended
  }
  return {
    /**
     * Makes the next credentials, or takes up a rotation that was not brought to its end. Fails as `slice_still_used` where an environment
     * runs with what was detached from it: nobody would bring it to the next ones.
     */
    async planRotation({ operationId }: OperationInput): Promise<RotationPlan> {
      const { service, slice } = await sliceOf(operationId)
      const { slices } = serviceDriver(service.driverName)
      if (!slices) throw new Error(`${service.driverName} has no slices`)
      const leaving = (await usesOf(db, [slice.id])).filter(({ isAttached }) => !isAttached)
      if (leaving.length > 0) throw stillUsed(slice.name, leaving)
      const next = slices.nextCredentials(slice.credentials)
      return db.transaction(async (tx) => {
        await holdRunning(tx, operationId)
        const isFresh = (await rotationOf(tx, keyring, slice.id))?.operationId !== operationId
        if (isFresh) await beginRotation(tx, keyring, { sliceId: slice.id, operationId, next })
        const rotation = await rotationOf(tx, keyring, slice.id)
        return { sliceName: slice.name, serviceName: service.name, isSwitched: rotation?.stage === 'retiring' }
      })
    },

    /** Lets the next credentials in beside the present ones, and proves that they open. */
    async admitCredentials({ operationId }: OperationInput): Promise<void> {
      const found = await sliceOf(operationId)
      const rotation = await rotationOf(db, keyring, found.slice.id)
      if (!rotation) throw new Error(`slice ${found.slice.id} is not being rotated`)
      await rotate({ ...found, rotation }, { operationId, order: stepNumbers.credentialRotation.admit, work: 'admit' })
    },

    /**
     * The commit point of a rotation: whatever is started from now on has the new credentials, and both are valid. Fails as
     * `attachments_changed` where the slice has been attached to an environment that the operation does not hold.
     */
    async switchCredentials({ operationId }: OperationInput): Promise<void> {
      await commitOnce(db, operationId, async (tx, { targetId, id }) => {
        const sliceId = idOf<SliceId>(targetId)
        const attached = await attachedEnvironments(tx, sliceId)
        if (!(await holdsEnvironments(tx, id, attached.map((environment) => environment.id)))) throw attachmentsChanged()
        await switchRotation(tx, keyring, sliceId)
      })
    },

    /** Has every environment that the slice is attached to started anew with the new credentials, and nothing else of what is set. */
    async changeAttached({ of }: ConvergenceInput): Promise<{ operationIds: OperationId[] }> {
      const { targetId, organisationId } = await operationById(db, of)
      const attached = (await attachedEnvironments(db, idOf<SliceId>(targetId))).filter(({ isDeployed }) => isDeployed)
      const operationIds = attached.map(({ id }) => childId<OperationId>(of, 'config_change', id))
      await db.transaction(async (tx) => {
        for (const { id, name, applicationName } of attached) {
          await requestUnder(tx, childId<OperationId>(of, 'config_change', id), {
            ...{ organisationId, kind: 'config_change', targetType: 'environment', targetId: id, input: { isPinned: true } },
            summary: `bring ${name} of ${applicationName} to the new credentials`,
            trigger: { by: 'operation', actor: of },
            locks: await locksOfEnvironment(tx, id),
          })
        }
      })
      return { operationIds }
    },

    /** Looks how the environments have come along. */
    async lookAtChanges({ operationIds }: { operationIds: readonly OperationId[] }): Promise<EnvironmentChanges> {
      const states = await operationStates(db, operationIds)
      const waiting = states.filter(({ status }) => !hasEnded(status)).length
      const failed = states.find(({ status }) => hasEnded(status) && status !== 'succeeded')
      return { waiting, failure: failed ? notChanged(failed.summary, failed.failure) : null }
    },

    /**
     * Lets nobody in by the credentials of before, which ends the rotation. Connections that were ended are a warning. Fails as
     * `service_not_changed` where a service that is deployed on its own has not been started since.
     */
    async retireCredentials({ operationId, of }: ConvergenceInput): Promise<void> {
      const found = await sliceOf(of)
      const rotation = await rotationOf(db, keyring, found.slice.id)
      if (rotation?.stage !== 'retiring') return
      const behind = await servicesLeftBehind(db, found.slice.id)
      if (behind.length > 0) throw leftBehind(behind)
      const ended = await rotate({ ...found, rotation }, { operationId, order: stepNumbers.credentialRotation.retire, work: 'retire' })
      if (ended > 0) await warn(db, of, connectionsEnded(ended))
      await endRotation(db, found.slice.id)
    },

    /** Lets nobody in by the next credentials, which nobody uses yet. */
    async withdrawCredentials({ operationId, of, order }: Withdrawal): Promise<void> {
      const found = await sliceOf(of)
      const rotation = await rotationOf(db, keyring, found.slice.id)
      if (rotation?.stage !== 'admitting') return
      await rotate({ ...found, rotation }, { operationId, order, work: 'retire' })
      await endRotation(db, found.slice.id)
    },
  }
}

const leftBehind = (services: readonly { name: string; environmentName: string }[]) =>
  finalFailure({
    code: 'service_not_changed',
    message: `These services are deployed on their own and run with the credentials of before: ${services.map(({ name, environmentName }) => `${name} of ${environmentName}`).join(', ')}.`,
    hint: 'The credentials of before stay valid. Restart these services, then rotate again: it goes on where it was.',
  })

const connectionsEnded = (count: number): Warning => ({
  code: 'connections_ended',
  message: `${count} connections by the old login were still open and have been ended: they were of no environment that is attached.`,
  hint: 'Give programs of your own the new login.',
})

const attachmentsChanged = () =>
  finalFailure({
    code: 'attachments_changed',
    message: 'The slice has been attached to another environment meanwhile.',
    hint: 'Start the rotation again.',
  })

const stillUsed = (name: string, uses: readonly SliceUse[]) =>
  finalFailure({
    code: 'slice_still_used',
    message: `${name} was detached from ${uses.map(({ application, environment }) => `${environment} of ${application}`).join(', ')}, which still runs with it.`,
    hint: 'Deploy that or change its configuration, then rotate again.',
  })

const notChanged = (summary: string, cause: Failure | null): Failure => ({
  code: 'environment_not_changed',
  message: `To ${summary} did not succeed${cause ? `: ${cause.message}` : '.'}`,
  hint: 'The credentials of before stay valid. Remove the cause and rotate again: it goes on where it was.',
})
