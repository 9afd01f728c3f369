import { createRoute } from '@hono/zod-openapi'
import { queueOf } from '../../db/builds.ts'
import { serviceDriver } from '../../drivers/services/registry.ts'
import { requires } from '../authentication.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { serviceIn } from '../in-organisation.ts'
import { notFound } from '../problem.ts'
import { buildQueueSchema, presentBuild } from '../schemas/build.ts'
import { json } from '../schemas/content.ts'
import { oneService } from '../schemas/params.ts'
import { readProblems } from '../schemas/problem.ts'

const list = createRoute({
  method: 'get',
  path: '/organisations/{organisationId}/services/{serviceId}/builds',
  tags: ['Services'],
  summary: 'What a builder works on, and what waits for it',
  middleware: requires('viewer'),
  request: { params: oneService },
  responses: { 200: json('Its slots, and the builds in the order of their turns', buildQueueSchema), ...readProblems },
})

export function buildRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(list, async (c) => {
      const service = await serviceIn(deps, c, c.req.valid('param').serviceId)
      const { builder } = serviceDriver(service.driverName).configured(service.config)
      if (!builder) throw notFound('builder')
      const queue = await queueOf(deps.db, service.id)
      const items = queue.map((build, index) => presentBuild(build, { index, slots: builder.slots }))
      return c.json({ slots: builder.slots, items }, 200)
    })
}
