import { createRoute } from '@hono/zod-openapi'
import { releasesOf } from '../../db/release-history.ts'
import { requires } from '../authentication.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { environmentIn, releaseIn } from '../in-organisation.ts'
import { json, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { oneEnvironment, oneRelease } from '../schemas/params.ts'
import { readProblems } from '../schemas/problem.ts'
import { presentRelease, releaseSchema } from '../schemas/release.ts'

const path = '/organisations/{organisationId}/environments/{environmentId}/releases'
const tags = ['Releases']

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Releases of an environment, newest first',
  middleware: requires('viewer'),
  request: { params: oneEnvironment, query: pageQuery },
  responses: { 200: json('A page of releases', pageOf(releaseSchema)), ...readProblems },
})

const read = createRoute({
  method: 'get',
  path: `${path}/{releaseId}`,
  tags,
  summary: 'One release',
  middleware: requires('viewer'),
  request: { params: oneRelease },
  responses: { 200: json('The release', releaseSchema), ...readProblems },
})

export function releaseRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(list, async (c) => {
      const { id } = await environmentIn(deps, c, c.req.valid('param').environmentId)
      return c.json(presented(await releasesOf(deps.db, id, c.req.valid('query')), presentRelease), 200)
    })

    .openapi(read, async (c) => {
      const { environmentId, releaseId } = c.req.valid('param')
      const { id } = await environmentIn(deps, c, environmentId)
      return c.json(presentRelease(await releaseIn(deps, id, releaseId)), 200)
    })
}
