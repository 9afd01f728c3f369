import { createRoute, z } from '@hono/zod-openapi'
import type { Database } from '../../db/connect.ts'
import { locksOfSlice } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { usesOf } from '../../db/slice-uses.ts'
import { type Slice, slicePageOf } from '../../db/slices.ts'
import type { OperationKind } from '../../domain/operations.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiContext, type ApiDependencies, createRouter } from '../context.ts'
import { serviceIn, sliceIn } from '../in-organisation.ts'
import { accepted, acceptedWith, requestedBy } from '../operation-request.ts'
import { body, json, onceHeaders, pageOf, pageQuery } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneService, oneSlice } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { changedSliceSchema, newSliceSchema, presentSlice, presentUsedSlice, sliceSchema, usedSliceSchema } from '../schemas/slice.ts'
import { changedSettings, createSlice, sliceToRemove } from '../slices.ts'

const path = '/organisations/{organisationId}/services/{serviceId}/slices'
const tags = ['Slices']
const withSlice = (description: string) => json(description, z.object({ slice: sliceSchema, operation: operationSchema }))

const create = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Make a database or a keyspace in a service, for environments to be attached to',
  description: "The service's container stays as it is. Problems: service_has_no_slices, already_taken.",
  middleware: requires('admin'),
  request: { params: oneService, headers: onceHeaders, body: body(newSliceSchema) },
  responses: { 202: withSlice('The slice, and the operation that makes it'), ...writeProblems },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Slices of a service, and who uses them',
  middleware: requires('viewer'),
  request: { params: oneService, query: pageQuery },
  responses: { 200: json('A page of slices', pageOf(usedSliceSchema)), ...readProblems },
})

const read = createRoute({
  method: 'get',
  path: `${path}/{sliceId}`,
  tags,
  summary: 'One slice, and who uses it',
  middleware: requires('viewer'),
  request: { params: oneSlice },
  responses: { 200: json('The slice', usedSliceSchema), ...readProblems },
})

const change = createRoute({
  method: 'patch',
  path: `${path}/{sliceId}`,
  tags,
  summary: 'Change the settings of a database',
  description:
    'They are in place when the operation has succeeded, all of them or none. An extension that is left out of the list is dropped, unless ' +
    'something depends on it: then the operation fails, and nothing has changed. Problems: slice_not_ready, slice_is_removed, slice_is_route.',
  middleware: requires('admin'),
  request: { params: oneSlice, body: body(changedSliceSchema) },
  responses: { 202: withSlice('The slice as it is until then, and the operation that changes it'), ...writeProblems },
})

const remove = createRoute({
  method: 'delete',
  path: `${path}/{sliceId}`,
  tags,
  summary: 'Remove a slice that no environment uses, with all its data',
  description: 'Problems: confirmation_required, slice_in_use with the `environments`, slice_is_route.',
  middleware: requires('admin'),
  request: {
    params: oneSlice,
    query: z.object({ confirm: z.string().optional().openapi({ description: "Repeats the slice's name: its data goes for good." }) }),
  },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function sliceRoutes(deps: ApiDependencies) {
  const { db } = deps
  return createRouter()
    .openapi(create, async (c) => {
      const { serviceId } = c.req.valid('param')
      const wished = c.req.valid('json')
      const { body: created, status, headers } = await commit(deps, c, async (tx) => {
        const service = await serviceIn({ db: tx }, c, serviceId)
        const slice = await createSlice(tx, deps, { service, environmentId: null, ...wished })
        const operation = await requestWork(tx, c, { slice, kind: 'slice_provision', summary: `provision ${slice.type} ${slice.name}` })
        return {
          ...acceptedWith(deps, operation, { slice: presentSlice(slice) }),
          event: { action: 'slice.created', targetType: 'slice', targetId: slice.id, details: { serviceId, ...wished } },
        }
      })
      return c.json(created, status, headers)
    })

    .openapi(list, async (c) => {
      const { id } = await serviceIn(deps, c, c.req.valid('param').serviceId)
      const { items, nextCursor } = await slicePageOf(db, id, c.req.valid('query'))
      const uses = await usesOf(db, items.map((slice) => slice.id))
      return c.json({ items: items.map((slice) => presentUsedSlice(slice, uses)), nextCursor }, 200)
    })

    .openapi(read, async (c) => {
      const { serviceId, sliceId } = c.req.valid('param')
      const { id } = await serviceIn(deps, c, serviceId)
      const slice = await sliceIn(deps, id, sliceId)
      return c.json(presentUsedSlice(slice, await usesOf(db, [slice.id])), 200)
    })

    .openapi(change, async (c) => {
      const { serviceId, sliceId } = c.req.valid('param')
      const { config } = c.req.valid('json')
      const { body: changed, status, headers } = await commit(deps, c, async (tx) => {
        const service = await serviceIn({ db: tx }, c, serviceId)
        const { id } = await sliceIn({ db: tx }, service.id, sliceId)
        const { slice, settings } = await changedSettings(tx, service, { id, config })
        const summary = `configure ${slice.type} ${slice.name}`
        const operation = await requestWork(tx, c, { slice, kind: 'slice_configure', summary, input: { settings } })
        return {
          ...acceptedWith(deps, operation, { slice: presentSlice(slice) }),
          event: { action: 'slice.change_requested', targetType: 'slice', targetId: id, details: { name: slice.name, settings } },
        }
      })
      return c.json(changed, status, headers)
    })

    .openapi(remove, async (c) => {
      const { serviceId, sliceId } = c.req.valid('param')
      const { confirm } = c.req.valid('query')
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        const service = await serviceIn({ db: tx }, c, serviceId)
        const { id } = await sliceIn({ db: tx }, service.id, sliceId)
        const slice = await sliceToRemove(tx, service, { id, confirm })
        const summary = `remove ${slice.type} ${slice.name} of ${service.name}`
        return {
          ...accepted(deps, await requestWork(tx, c, { slice, kind: 'slice_remove', summary })),
          event: { action: 'slice.remove_requested', targetType: 'slice', targetId: id, details: { name: slice.name } },
        }
      })
      return c.json(operation, status, headers)
    })
}

interface WorkOnSlice {
  slice: Slice
  kind: OperationKind
  summary: string
  input?: Record<string, unknown>
}

async function requestWork(tx: Database, c: ApiContext, { slice, ...work }: WorkOnSlice) {
  return requestOperation(tx, { ...requestedBy(c), ...work, targetType: 'slice', targetId: slice.id, locks: await locksOfSlice(tx, slice.id) })
}
