import type { Operation, OperationRequest } from '../db/operations/request.ts'
import type { ApiContext, ApiDependencies } from './context.ts'
import { presentOperation } from './schemas/operation.ts'

/** Whose wish an operation is. */
export function requestedBy(c: ApiContext): Pick<OperationRequest, 'organisationId' | 'trigger'> {
  return { organisationId: c.var.organisation.id, trigger: { by: 'api', actor: c.var.actor.name } }
}

/** 202 with the operation, and where it can be watched. */
export const accepted = ({ temporal }: ApiDependencies, operation: Operation) => ({
  status: 202 as const,
  body: presentOperation(operation, temporal),
  headers: { location: `/organisations/${operation.organisationId}/operations/${operation.id}` },
})

/** The same with what the operation is about. */
export function acceptedWith<Made extends object>(deps: ApiDependencies, operation: Operation, made: Made) {
  const { body, ...rest } = accepted(deps, operation)
  return { ...rest, body: { ...made, operation: body } }
}
