import { createRoute, z } from '@hono/zod-openapi'
import { attachmentsOf } from '../../db/attachments.ts'
import type { Database } from '../../db/connect.ts'
import { locksOfSlice } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { serviceOf } from '../../db/services.ts'
import type { Slice } from '../../db/slices.ts'
import { recommendedVariables } from '../../domain/recommendations.ts'
import { attach } from '../attach.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiContext, type ApiDependencies, createRouter } from '../context.ts'
import { applicationIn, attachmentIn, environmentIn, sliceIn } from '../in-organisation.ts'
import { accepted, acceptedWith, requestedBy } from '../operation-request.ts'
import { invalidField, Problem } from '../problem.ts'
import { attachmentSchema, newAttachmentSchema, presentAttachment } from '../schemas/attachment.ts'
import { body, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneAttachment, oneEnvironment } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { presentSlice, sliceSchema } from '../schemas/slice.ts'

const path = '/organisations/{organisationId}/environments/{environmentId}/attachments'
const tags = ['Attachments']

const madeSchema = z.object({
  attachment: attachmentSchema,
  slice: sliceSchema,
  recommendedVariables: z.record(z.string(), z.string())
    .openapi({ description: 'Set them where Laravel shall use what was attached.' }),
  operation: operationSchema,
})

const create = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Attach a database or a cache to an environment',
  middleware: requires('admin'),
  request: { params: oneEnvironment, headers: onceHeaders, body: body(newAttachmentSchema) },
  responses: { 202: json('The attachment, its slice, and the operation that makes it', madeSchema), ...writeProblems },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'What is attached to an environment',
  middleware: requires('viewer'),
  request: { params: oneEnvironment, query: pageQuery },
  responses: { 200: json('A page of attachments', pageOf(attachmentSchema)), ...readProblems },
})

const read = createRoute({
  method: 'get',
  path: `${path}/{attachmentId}`,
  tags,
  summary: 'One attachment',
  middleware: requires('viewer'),
  request: { params: oneAttachment },
  responses: { 200: json('The attachment', attachmentSchema), ...readProblems },
})

const detach = createRoute({
  method: 'delete',
  path: `${path}/{attachmentId}`,
  tags,
  summary: 'Detach a database or a cache from an environment; the slice stays, with its data',
  description:
    'What runs keeps its variables until the next deployment, and its way to the service as well; then that is closed. Where nothing runs ' +
    'it is closed at once. Problems: attachment_is_route.',
  middleware: requires('admin'),
  request: { params: oneAttachment },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function attachmentRoutes(deps: ApiDependencies) {
  const { db } = deps
  return createRouter()
    .openapi(create, async (c) => {
      const { organisation } = c.var
      const wished = c.req.valid('json')
      const environment = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const application = await applicationIn(deps, c, environment.applicationId)
      const service = await serviceOf(db, organisation.id, wished.serviceId)
      if (!service) throw invalidField('serviceId', 'there is no such service in this organisation', 'unknown_service')
      const { body: made, status, headers } = await commit(deps, c, async (tx) => {
        const { slice, attachment } = await attach(tx, deps, { application, environment, service, wished })
        const operation = await requestProvision(tx, c, slice)
        return {
          ...acceptedWith(deps, operation, {
            attachment: presentAttachment(attachment),
            slice: presentSlice(slice),
            recommendedVariables: recommendedVariables(wished.role),
          }),
          event: { action: 'environment.attached', targetType: 'environment', targetId: environment.id, details: wished },
        }
      })
      return c.json(made, status, headers)
    })

    .openapi(list, async (c) => {
      const environment = await environmentIn(deps, c, c.req.valid('param').environmentId)
      return c.json(presented(await attachmentsOf(db, environment.id, c.req.valid('query')), presentAttachment), 200)
    })

    .openapi(read, async (c) => {
      const { environmentId, attachmentId } = c.req.valid('param')
      const { id } = await environmentIn(deps, c, environmentId)
      return c.json(presentAttachment(await attachmentIn(deps, id, attachmentId)), 200)
    })

    .openapi(detach, async (c) => {
      const { environmentId, attachmentId } = c.req.valid('param')
      const environment = await environmentIn(deps, c, environmentId)
      const application = await applicationIn(deps, c, environment.applicationId)
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        const { serviceId, serviceSliceId, role } = await attachmentIn({ db: tx }, environment.id, attachmentId)
        if (role === 'gateway' || serviceSliceId === null) {
          throw new Problem(409, 'attachment_is_route', 'This is a route: it belongs to the routes of the environment.')
        }
        const slice = await sliceIn({ db: tx }, serviceId, serviceSliceId)
        const requested = await requestOperation(tx, {
          ...requestedBy(c),
          kind: 'slice_detach',
          targetType: 'slice',
          targetId: slice.id,
          summary: `detach ${slice.type} ${slice.name} from ${environment.name} of ${application.name}`,
          locks: await locksOfSlice(tx, slice.id),
          input: { attachmentId },
        })
        return {
          ...accepted(deps, requested),
          event: {
            ...{ action: 'environment.detach_requested', targetType: 'environment', targetId: environment.id },
            details: { attachmentId, slice: slice.name, role },
          },
        }
      })
      return c.json(operation, status, headers)
    })
}

async function requestProvision(tx: Database, c: ApiContext, { id, type, name }: Slice) {
  return requestOperation(tx, {
    ...requestedBy(c),
    kind: 'slice_provision',
    targetType: 'slice',
    targetId: id,
    summary: `provision ${type} ${name}`,
    locks: await locksOfSlice(tx, id),
  })
}
