import { createRoute, z } from '@hono/zod-openapi'
import { openDifferences } from '../../db/drift.ts'
import { latestObservation, observationsOf } from '../../db/observations.ts'
import { serverHealth } from '../../domain/health.ts'
import { requires } from '../authentication.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { serverIn } from '../in-organisation.ts'
import { json } from '../schemas/content.ts'
import { observationSchema, presentObservation, serverHealthSchema } from '../schemas/health.ts'
import { oneServer } from '../schemas/params.ts'
import { readProblems } from '../schemas/problem.ts'

const path = '/organisations/{organisationId}/servers/{serverId}'
const tags = ['Servers']

const health = createRoute({
  method: 'get',
  path: `${path}/health`,
  tags,
  summary: 'How a server is, as it was seen last, and what keeps it from being healthy',
  middleware: requires('viewer'),
  request: { params: oneServer },
  responses: { 200: json('Its health', serverHealthSchema), ...readProblems },
})

const mostMinutes = 24 * 60

const metrics = createRoute({
  method: 'get',
  path: `${path}/metrics`,
  tags,
  summary: 'How a server was each time that it was looked at, newest first',
  description: 'Every five minutes; those of the last day are kept.',
  middleware: requires('viewer'),
  request: {
    params: oneServer,
    query: z.strictObject({
      minutes: z.coerce.number('must be a number').int('must be a whole number').min(1, 'must be at least 1').max(mostMinutes, `must be at most ${mostMinutes}`).default(60),
    }),
  },
  responses: { 200: json('The looks', z.object({ items: z.array(observationSchema) })), ...readProblems },
})

export function serverHealthRoutes(deps: ApiDependencies) {
  const { db } = deps
  return createRouter()
    .openapi(health, async (c) => {
      const { id, name } = await serverIn(deps, c, c.req.valid('param').serverId)
      const latest = await latestObservation(db, id)
      const known = { name, latest, differences: await openDifferences(db, id), now: new Date() }
      return c.json({ ...serverHealth(known), latest: latest && presentObservation(latest) }, 200)
    })

    .openapi(metrics, async (c) => {
      const { id } = await serverIn(deps, c, c.req.valid('param').serverId)
      const since = new Date(Date.now() - c.req.valid('query').minutes * 60_000)
      return c.json({ items: (await observationsOf(db, id, since)).map(presentObservation) }, 200)
    })
}
