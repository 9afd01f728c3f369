import { createRoute } from '@hono/zod-openapi'
import { locksOfRotation } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { lockSlice, slicesOf } from '../../db/slices.ts'
import { serviceDriver } from '../../drivers/services/registry.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { serviceIn } from '../in-organisation.ts'
import { accepted, requestedBy } from '../operation-request.ts'
import { notFound, Problem } from '../problem.ts'
import { json, onceHeaders } from '../schemas/content.ts'
import { sliceIdSchema } from '../schemas/fields.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneService } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'

const create = createRoute({
  method: 'post',
  path: '/organisations/{organisationId}/services/{serviceId}/slices/{sliceId}/credential-rotations',
  tags: ['Services'],
  summary: 'Change the credentials of a database or keyspace without an outage',
  description:
    'New credentials are let in beside the present ones, every environment is started with them, and the old ones are retired. Nothing ' +
    'else of what is set for an environment is rolled out with it. One that was interrupted goes on when it is requested again.',
  middleware: requires('admin'),
  request: { params: oneService.extend({ sliceId: sliceIdSchema }), headers: onceHeaders },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function credentialRotationRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(create, async (c) => {
      const { serviceId, sliceId } = c.req.valid('param')
      const service = await serviceIn(deps, c, serviceId)
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        const slice = (await slicesOf(tx, service.id)).find(({ id }) => id === sliceId)
        if (!slice) throw notFound('slice')
        await lockSlice(tx, slice.id)
        if (!serviceDriver(service.driverName).slices) {
          throw new Problem(409, 'nothing_to_rotate', `${slice.name} has no credentials: choose a database or a keyspace.`)
        }
        if (slice.status !== 'ready') throw new Problem(409, 'slice_not_ready', `${slice.name} is ${slice.status}: provision it first.`)
        const requested = await requestOperation(tx, {
          ...requestedBy(c),
          kind: 'credential_rotation',
          targetType: 'slice',
          targetId: slice.id,
          summary: `rotate the credentials of ${slice.type} ${slice.name}`,
          locks: await locksOfRotation(tx, slice.id),
        })
        return {
          ...accepted(deps, requested),
          event: { action: 'slice.rotation_requested', targetType: 'slice', targetId: slice.id, details: { name: slice.name } },
        }
      })
      return c.json(operation, status, headers)
    })
}
