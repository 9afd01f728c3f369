import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { findingsOf, observationsOf } from '../../db/observations.ts'
import { requires } from '../authentication.ts'
import { type ApiDependencies, type ApiEnv, createRouter } from '../context.ts'
import { serverIn } from '../in-organisation.ts'
import { json, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { findingSchema, observationSchema, presentFinding, presentObservation } from '../schemas/drift.ts'
import { environmentIdSchema, serverIdSchema } from '../schemas/fields.ts'
import { inOrganisation, oneServer } from '../schemas/params.ts'
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

const observations = createRoute({
  method: 'get',
  path: '/organisations/{organisationId}/servers/{serverId}/observations',
  tags: ['Servers'],
  summary: 'How a server was each time that it was looked at, newest first',
  description: 'Those of the last day.',
  middleware: requires('viewer'),
  request: {
    params: oneServer,
    query: z.strictObject({ minutes: z.coerce.number('must be a number').int('must be a whole number').min(1, 'must be at least 1').max(1440, 'must be at most 1440').default(60) }),
  },
  responses: { 200: json('The looks', z.object({ items: z.array(observationSchema) })), ...readProblems },
})

export function driftRoutes(deps: ApiDependencies): OpenAPIHono<ApiEnv> {
  const { db } = deps
  const router = createRouter()

  router.openapi(list, async (c) => {
    const { cursor, limit, state, ...wanted } = c.req.valid('query')
    const isOpen = state === 'all' ? undefined : state === 'open'
    const page = await findingsOf(db, c.var.organisation.id, { ...wanted, isOpen }, { cursor, limit })
    return c.json(presented(page, presentFinding), 200)
  })

  router.openapi(observations, async (c) => {
    const { id } = await serverIn(deps, c, c.req.valid('param').serverId)
    const since = new Date(Date.now() - c.req.valid('query').minutes * 60_000)
    return c.json({ items: (await observationsOf(db, id, since)).map(presentObservation) }, 200)
  })

  return router
}
