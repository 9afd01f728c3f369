import { createRoute, z } from '@hono/zod-openapi'
import { operationsOf, operationTree } from '../../db/operation-views.ts'
import { requestCancel } from '../../db/operations/cancel.ts'
import { isRollout, type OperationKind, operationKinds, operationStatuses, targetTypes } from '../../domain/operations.ts'
import { requireRole, requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { operationIn } from '../in-organisation.ts'
import { accepted } from '../operation-request.ts'
import { Problem } from '../problem.ts'
import { requestRetry } from '../retry.ts'
import { json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { operationSchema, operationTreeSchema, presentOperation, presentTree } from '../schemas/operation.ts'
import { inOrganisation, oneOperation } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'

const path = '/organisations/{organisationId}/operations'
const tags = ['Operations']

const filter = pageQuery.extend({
  status: z.enum(operationStatuses, `must be one of ${operationStatuses.join(', ')}`).optional(),
  kind: z.enum(operationKinds, `must be one of ${operationKinds.join(', ')}`).optional(),
  targetType: z.enum(targetTypes, `must be one of ${targetTypes.join(', ')}`).optional(),
  targetId: z.uuid('must be the id of a target, a uuid').optional(),
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Operations, newest first, without those that are part of others',
  middleware: requires('viewer'),
  request: { params: inOrganisation, query: filter },
  responses: { 200: json('A page of operations', pageOf(operationSchema)), ...readProblems },
})

const read = createRoute({
  method: 'get',
  path: `${path}/{operationId}`,
  tags,
  summary: 'One operation with its steps and everything that is part of it',
  middleware: requires('viewer'),
  request: { params: oneOperation },
  responses: { 200: json('The operation', operationTreeSchema), ...readProblems },
})

const cancel = createRoute({
  method: 'post',
  path: `${path}/{operationId}/cancel`,
  tags,
  summary: 'Cancel an operation: what it changed is taken back',
  description: 'A part of an operation cancels the whole. Problems: already_live once users see the new version, already_ended.',
  middleware: requires('deployer'),
  request: { params: oneOperation, headers: onceHeaders },
  responses: { 202: json('The operation, which ends as soon as everything is taken back', operationSchema), ...writeProblems },
})

const retry = createRoute({
  method: 'post',
  path: `${path}/{operationId}/retry`,
  tags,
  summary: 'Request an operation that did not succeed once more; a deployment takes the same commit',
  middleware: requires('deployer'),
  request: { params: oneOperation, headers: onceHeaders },
  responses: { 202: json('The new operation', operationSchema), ...writeProblems },
})

export function operationRoutes(deps: ApiDependencies) {
  const { db, temporal } = deps
  return createRouter()
    .openapi(list, async (c) => {
      const { cursor, limit, ...wanted } = c.req.valid('query')
      const page = await operationsOf(db, c.var.organisation.id, wanted, { cursor, limit })
      return c.json(presented(page, (operation) => presentOperation(operation, temporal)), 200)
    })

    .openapi(read, async (c) => {
      const operation = await operationIn(deps, c, c.req.valid('param').operationId)
      return c.json(presentTree(await operationTree(db, operation), temporal), 200)
    })

    .openapi(cancel, async (c) => {
      const { id, kind, rootId } = await operationIn(deps, c, c.req.valid('param').operationId)
      requireRole(c, starterOf(kind))
      const { body: cancelled, status, headers } = await commit(deps, c, async (tx) => {
        refuseTooLate(await requestCancel(tx, id))
        const root = await operationIn({ db: tx }, c, rootId)
        return {
          ...accepted(deps, root),
          event: {
            ...{ action: 'operation.cancel_requested', targetType: 'operation', targetId: rootId },
            details: { summary: root.summary },
          },
        }
      })
      return c.json(cancelled, status, headers)
    })

    .openapi(retry, async (c) => {
      const operation = await operationIn(deps, c, c.req.valid('param').operationId)
      requireRole(c, starterOf(operation.kind))
      const { body: requested, status, headers } = await commit(deps, c, async (tx) => {
        const again = await requestRetry(tx, c, operation)
        return {
          ...accepted(deps, again),
          event: { action: 'operation.retried', targetType: 'operation', targetId: again.id, details: { retryOf: operation.id } },
        }
      })
      return c.json(requested, status, headers)
    })
}

/** Who may start an operation may also cancel and repeat it. */
const starterOf = (kind: OperationKind) => (isRollout(kind) || kind === 'migration_run' || kind === 'service_restart' ? 'deployer' : 'admin')

function refuseTooLate(answer: Awaited<ReturnType<typeof requestCancel>>): void {
  if (answer === 'already_live') {
    throw new Problem(
      409,
      'already_live',
      'Users see what it has changed already, so it goes on to its end: change it back afterwards.',
    )
  }
  if (answer === 'already_ended') {
    throw new Problem(409, 'already_ended', 'The operation has ended already: there is nothing to cancel.')
  }
}
