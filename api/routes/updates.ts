import { createRoute } from '@hono/zod-openapi'
import { locksOfUpdate } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { lockService } from '../../db/services.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { serviceIn } from '../in-organisation.ts'
import { accepted, requestedBy } from '../operation-request.ts'
import { body, json, onceHeaders } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneService } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'
import { newUpdateSchema } from '../schemas/update.ts'
import { imageToUpdateTo } from '../update.ts'

const create = createRoute({
  method: 'post',
  path: '/organisations/{organisationId}/services/{serviceId}/updates',
  tags: ['Services'],
  summary: 'Update a database, cache or gateway to its `availableImageDigest`',
  description:
    'The container is stopped, and one from the new image started on the same volume. Where that does not get healthy, the image of before ' +
    'is started again and the operation fails. No environment that uses the service is deployed meanwhile. Problems: ' +
    'acknowledgement_required, major_version_refused, move_refused, backup_not_supported, not_updatable, service_not_running, no_update, ' +
    'no_update_known, update_outdated.',
  middleware: requires('admin'),
  request: { params: oneService, headers: onceHeaders, body: body(newUpdateSchema) },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function updateRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(create, async (c) => {
      const { serviceId } = c.req.valid('param')
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        await lockService(tx, serviceId)
        const service = await serviceIn({ db: tx }, c, serviceId)
        const { id, name, driverName, currentImageDigest } = service
        const image = imageToUpdateTo(service, c.req.valid('json'))
        const requested = await requestOperation(tx, {
          ...requestedBy(c),
          kind: 'service_update',
          targetType: 'service',
          targetId: id,
          summary: `update ${driverName} ${name}`,
          locks: await locksOfUpdate(tx, id),
          input: { image },
        })
        return {
          ...accepted(deps, requested),
          event: { action: 'service.update_requested', targetType: 'service', targetId: id, details: { name, before: currentImageDigest, image } },
        }
      })
      return c.json(operation, status, headers)
    })
}
