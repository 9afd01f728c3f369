import type { Database } from '../db/connect.ts'
import { locksOfEnvironment, locksOfReboot, locksOfRotation, locksOfService, locksOfSlice, locksOfUpdate, locksOfVolume } from '../db/operation-locks.ts'
import { type Operation, requestOperation } from '../db/operations/request.ts'
import { serverState } from '../db/server-removals.ts'
import { lockSlice } from '../db/slices.ts'
import type { ServerId, SliceId } from '../domain/ids.ts'
import { organisationLocks, serverLocks } from '../domain/locks.ts'
import { hasEnded, type Lock, type OperationKind } from '../domain/operations.ts'
import type { ApiContext } from './context.ts'
import { requestedBy } from './operation-request.ts'
import { Problem } from './problem.ts'
import { environmentIdSchema, serverIdSchema, serviceIdSchema, sliceIdSchema, volumeIdSchema } from './schemas/fields.ts'

/** Requests a finished operation anew; the old one stays as it is. Throws a 409 where there is nothing to be done again. */
export async function requestRetry(tx: Database, c: ApiContext, operation: Operation): Promise<Operation> {
  if (!hasEnded(operation.status)) throw new Problem(409, 'not_ended', 'The operation has not ended: cancel it first, or wait.')
  if (operation.status === 'succeeded') {
    throw new Problem(409, 'already_succeeded', 'The operation has succeeded: there is nothing to retry.')
  }
  if (operation.parentId) throw new Problem(409, 'part_of_other', 'The operation is part of another one: retry that one.')
  const { kind, targetType, targetId, summary, input, id: retryOf } = operation
  const locks = await locksOfTarget(tx, operation)
  return requestOperation(tx, { ...requestedBy(c), ...{ kind, targetType, targetId, summary, input, retryOf, locks } })
}

function locksOfTarget(tx: Database, { kind, targetType, targetId }: Operation): Lock[] | Promise<Lock[]> {
  switch (targetType) {
    case 'server':
      return locksOfPresentServer(tx, kind, serverIdSchema.parse(targetId))
    case 'service':
      return (kind === 'service_update' ? locksOfUpdate : locksOfService)(tx, serviceIdSchema.parse(targetId))
    case 'slice':
      return locksOfPresentSlice(tx, kind, sliceIdSchema.parse(targetId))
    case 'environment':
      return locksOfEnvironment(tx, environmentIdSchema.parse(targetId))
    case 'volume':
      return locksOfVolume(tx, volumeIdSchema.parse(targetId))
    case 'organisation':
      return organisationLocks(targetId)
    case 'replica':
    case 'operation':
      throw new Problem(409, 'not_retryable', 'Keystone itself repeats operations of this kind.')
    default:
      return targetType satisfies never
  }
}

async function locksOfPresentServer(tx: Database, kind: OperationKind, id: ServerId): Promise<Lock[]> {
  const { name, status } = await serverState(tx, id)
  const isGoing = status === 'removed' || (status === 'removing' && kind !== 'server_remove')
  if (isGoing) throw new Problem(409, 'server_is_removed', `${name} has been removed, or is about to be: there is nothing to be done again.`)
  return kind === 'server_reboot' ? locksOfReboot(tx, id) : serverLocks(id)
}

async function locksOfPresentSlice(tx: Database, kind: OperationKind, id: SliceId): Promise<Lock[]> {
  const { name, status } = await lockSlice(tx, id)
  if (status === 'removed') throw new Problem(409, 'slice_is_removed', `${name} has been removed: there is nothing to be done again.`)
  return (kind === 'credential_rotation' ? locksOfRotation : locksOfSlice)(tx, id)
}
