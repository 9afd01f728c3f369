import { createRoute } from '@hono/zod-openapi'
import { latestPlanned } from '../../db/operation-views.ts'
import { isCheck } from '../../domain/warnings.ts'
import { requires } from '../authentication.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { environmentIn } from '../in-organisation.ts'
import { json } from '../schemas/content.ts'
import { oneEnvironment } from '../schemas/params.ts'
import { readProblems } from '../schemas/problem.ts'
import { checksSchema, presentWarning } from '../schemas/warning.ts'

const read = createRoute({
  method: 'get',
  path: '/organisations/{organisationId}/environments/{environmentId}/checks',
  tags: ['Environments'],
  summary: 'What should be looked at in an environment, as the newest plan of it found it',
  description:
    'Codes: queue_is_sync, queue_without_worker, scheduler_on_every_replica, public_fallback, cross_location_upstream, database_far, local_disk, ' +
    'debug_in_production, disk_nearly_full.',
  middleware: requires('viewer'),
  request: { params: oneEnvironment },
  responses: { 200: json('The findings', checksSchema), ...readProblems },
})

export function checkRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(read, async (c) => {
      const { id } = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const planned = await latestPlanned(deps.db, id)
      if (!planned) return c.json({ items: [], operationId: null, checkedAt: null }, 200)
      const items = planned.warnings.map(presentWarning).filter(isCheck)
      return c.json({ items, operationId: planned.id, checkedAt: (planned.startedAt ?? planned.createdAt).toISOString() }, 200)
    })
}
