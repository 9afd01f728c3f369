import { givingRefusal, type Role } from '../domain/access.ts'
import type { Failure } from '../domain/operations.ts'
import type { ApiContext } from './context.ts'
import { Problem } from './problem.ts'

/** Throws a 403 where the caller would give a role that is mightier than what he has by this very token. */
export function refuseGiving(c: ApiContext, given: Role): void {
  const refusal = givingRefusal(c.var.organisation.role, given)
  if (refusal) throw refusedAccess(refusal)
}

/** What the rules of access refuse: only the last owner is a matter of the present state. */
export const refusedAccess = ({ code, message, hint = '' }: Failure): Problem =>
  new Problem(code === 'last_owner' ? 409 : 403, code, `${message} ${hint}`.trim())
