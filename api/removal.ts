import type { Database } from '../db/connect.ts'
import { unfinishedOperation } from '../db/operation-views.ts'
import { requestOperation } from '../db/operations/request.ts'
import type { Failure, Lock, OperationKind, TargetType } from '../domain/operations.ts'
import type { ApiContext, ApiDependencies } from './context.ts'
import { accepted, requestedBy } from './operation-request.ts'
import { invalidField, Problem } from './problem.ts'

/** Something that is to be removed. */
export interface Removal {
  kind: OperationKind
  targetType: TargetType
  targetId: string
  name: string
  locks: readonly Lock[]
  /** It goes on without servers that do not answer. */
  isForced?: boolean
}

/**
 * Requests a removal; asked for again it answers with the one that is under way, unless this is forced and that one is not. One that has
 * failed goes on in a new operation.
 */
export async function requestRemoval(
  deps: ApiDependencies,
  tx: Database,
  c: ApiContext,
  { kind, targetType, targetId, name, locks, isForced = false }: Removal,
) {
  const input = isForced ? { force: true } : {}
  const event = { action: `${targetType}.remove_requested`, targetType, targetId, details: { name, ...input } }
  const underWay = await unfinishedOperation(tx, { kind, targetId })
  const operation =
    underWay && (!isForced || underWay.input.force === true)
      ? underWay
      : await requestOperation(tx, { ...requestedBy(c), kind, targetType, targetId, summary: `remove ${name}`, locks, input })
  return { ...accepted(deps, operation), event }
}

/** A refusal as an answer. */
export const refusedBy = ({ code, message, hint = '' }: Failure): Problem => new Problem(409, code, `${message} ${hint}`.trim())

/** Throws a 422 where a confirmation does not repeat the name. */
export function requireConfirmed(given: string | undefined, name: string): void {
  if (given === name) return
  throw invalidField('confirm', `all data of ${name} goes for good: repeat its name to confirm that`, 'confirmation_required')
}
