import { createRoute, z } from '@hono/zod-openapi'
import { findingsOf } from '../../db/drift.ts'
import { requires } from '../authentication.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { json, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { findingSchema, presentFinding } from '../schemas/drift.ts'
import { environmentIdSchema, serverIdSchema } from '../schemas/fields.ts'
import { inOrganisation } from '../schemas/params.ts'
import { readProblems } from '../schemas/problem.ts'

const states = ['open', 'resolved', 'all'] as const

const list = createRoute({
  method: 'get',
  path: '/organisations/{organisationId}/drift',
  tags: ['Servers'],
  summary: 'What differs on servers from what Keystone knows, newest first',
  description: 'A Temporal Schedule looks at every server each five minutes. What an operation is changing meanwhile is not judged.',
  middleware: requires('viewer'),
  request: {
    params: inOrganisation,
    query: pageQuery.extend({
      state: z.enum(states, `must be one of ${states.join(', ')}`).default('open'),
      serverId: serverIdSchema.optional(),
      environmentId: environmentIdSchema.optional(),
    }),
  },
  responses: { 200: json('A page of findings', pageOf(findingSchema)), ...readProblems },
})

export function driftRoutes({ db }: ApiDependencies) {
  return createRouter()
    .openapi(list, async (c) => {
      const { cursor, limit, state, ...wanted } = c.req.valid('query')
      const isOpen = state === 'all' ? undefined : state === 'open'
      const page = await findingsOf(db, c.var.organisation.id, { ...wanted, isOpen }, { cursor, limit })
      return c.json(presented(page, presentFinding), 200)
    })
}
