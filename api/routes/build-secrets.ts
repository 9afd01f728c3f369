import { createRoute, z } from '@hono/zod-openapi'
import { buildSecretsOf, deleteBuildSecret, setBuildSecret } from '../../db/build-secrets.ts'
import { lockEnvironment } from '../../db/environments.ts'
import { Secret } from '../../domain/secret.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { environmentIn } from '../in-organisation.ts'
import { notFound } from '../problem.ts'
import { buildSecretSchema, newBuildSecretSchema, presentBuildSecret } from '../schemas/build-secret.ts'
import { body, json, pageOf } from '../schemas/content.ts'
import { variableKey } from '../schemas/fields.ts'
import { oneEnvironment } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'

const path = '/organisations/{organisationId}/environments/{environmentId}/build-secrets'
const tags = ['Variables']
const oneSecret = oneEnvironment.extend({ key: variableKey })

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Build secrets of an environment, without their values, on one page',
  middleware: requires('viewer'),
  request: { params: oneEnvironment },
  responses: { 200: json('The build secrets, sorted by key', pageOf(buildSecretSchema)), ...readProblems },
})

const set = createRoute({
  method: 'put',
  path: `${path}/{key}`,
  tags,
  summary: 'Set a build secret; nobody is shown its value again',
  description:
    'Composer and the asset build see it as an environment variable, e.g. COMPOSER_AUTH or NPM_TOKEN; it is in no layer of the image and not in ' +
    'its history. The next deployment builds with it.',
  middleware: requires('admin'),
  request: { params: oneSecret, body: body(newBuildSecretSchema) },
  responses: { 200: json('The build secret', buildSecretSchema), ...writeProblems },
})

const remove = createRoute({
  method: 'delete',
  path: `${path}/{key}`,
  tags,
  summary: 'Remove a build secret',
  middleware: requires('admin'),
  request: { params: oneSecret },
  responses: { 200: json('The key', z.object({ key: z.string() })), ...writeProblems },
})

export function buildSecretRoutes(deps: ApiDependencies) {
  const { db, keyring } = deps
  return createRouter()
    .openapi(list, async (c) => {
      const { id } = await environmentIn(deps, c, c.req.valid('param').environmentId)
      return c.json({ items: (await buildSecretsOf(db, id)).map(presentBuildSecret), nextCursor: null }, 200)
    })

    .openapi(set, async (c) => {
      const { environmentId, key } = c.req.valid('param')
      const { id } = await environmentIn(deps, c, environmentId)
      const value = new Secret(c.req.valid('json').value)
      const { body: secret, status, headers } = await commit(deps, c, async (tx) => {
        await lockEnvironment(tx, id)
        const stored = await setBuildSecret(tx, keyring, { environmentId: id, key, value })
        return {
          status: 200,
          body: presentBuildSecret(stored),
          event: { action: 'build_secret.set', targetType: 'environment', targetId: id, details: { key, version: stored.version } },
        }
      })
      return c.json(secret, status, headers)
    })

    .openapi(remove, async (c) => {
      const { environmentId, key } = c.req.valid('param')
      const { id } = await environmentIn(deps, c, environmentId)
      const { body: removed, status, headers } = await commit(deps, c, async (tx) => {
        if (!(await deleteBuildSecret(tx, id, key))) throw notFound('build secret')
        return {
          status: 200,
          body: { key },
          event: { action: 'build_secret.removed', targetType: 'environment', targetId: id, details: { key } },
        }
      })
      return c.json(removed, status, headers)
    })
}
