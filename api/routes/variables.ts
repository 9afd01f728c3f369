import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { attachedSlices } from '../../db/attachments.ts'
import { lockEnvironment } from '../../db/environments.ts'
import { deleteVariable, setVariable, variablesOf } from '../../db/variables.ts'
import type { EnvironmentId } from '../../domain/ids.ts'
import { Secret } from '../../domain/secret.ts'
import { effectiveVariables, type VariableLayer } from '../../domain/variables.ts'
import { allows, requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, type ApiEnv, createRouter } from '../context.ts'
import { exportedNames } from '../exported-variables.ts'
import { environmentIn } from '../in-organisation.ts'
import { notFound, Problem } from '../problem.ts'
import { body, json, pageOf } from '../schemas/content.ts'
import { variableKey } from '../schemas/fields.ts'
import { oneEnvironment } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { newVariableSchema, presentVariable, type VariableOrigin, variableSchema } from '../schemas/variable.ts'

const path = '/organisations/{organisationId}/environments/{environmentId}/variables'
const tags = ['Variables']
const oneVariable = oneEnvironment.extend({ key: variableKey })

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Variables of an environment from all sources, on one page',
  middleware: requires('viewer'),
  request: { params: oneEnvironment },
  responses: { 200: json('The variables, sorted by key', pageOf(variableSchema)), ...readProblems },
})

const set = createRoute({
  method: 'put',
  path: `${path}/{key}`,
  tags,
  summary: 'Set a variable; the next deployment has it',
  middleware: requires('admin'),
  request: { params: oneVariable, body: body(newVariableSchema) },
  responses: { 200: json('The variable', variableSchema), ...writeProblems },
})

const remove = createRoute({
  method: 'delete',
  path: `${path}/{key}`,
  tags,
  summary: "Remove the user's value of a variable",
  middleware: requires('admin'),
  request: { params: oneVariable },
  responses: { 200: json('The key', z.object({ key: z.string() })), ...writeProblems },
})

export function variableRoutes(deps: ApiDependencies): OpenAPIHono<ApiEnv> {
  const { keyring } = deps
  const router = createRouter()

  router.openapi(list, async (c) => {
    const { id } = await environmentIn(deps, c, c.req.valid('param').environmentId)
    const layers = await variableLayers(deps, id)
    const effective = effectiveVariables(layers)
    const showsValues = allows(c, 'admin')
    const items = layers.map((layer) => presentVariable(layer, { isEffective: effective.includes(layer), showsValues }))
    return c.json({ items: items.sort((one, other) => (one.key < other.key ? -1 : 1)), nextCursor: null }, 200)
  })

  router.openapi(set, async (c) => {
    const { environmentId, key } = c.req.valid('param')
    const { id } = await environmentIn(deps, c, environmentId)
    const value = new Secret(c.req.valid('json').value)
    const { body: variable, status, headers } = await commit(deps, c, async (tx) => {
      await lockEnvironment(tx, id)
      const fixed = (await variableLayers({ ...deps, db: tx }, id)).find((layer) => layer.key === key && !layer.overridable)
      if (fixed) throw new Problem(409, 'variable_not_overridable', `${key} is managed by Keystone and cannot be changed.`)
      const stored = await setVariable(tx, keyring, { environmentId: id, key, value })
      const layer = { key, source: stored.source, overridable: stored.overridable, value: { stored } }
      return {
        status: 200,
        body: presentVariable(layer, { isEffective: true, showsValues: true }),
        event: { action: 'variable.set', targetType: 'environment', targetId: id, details: { key, version: stored.version } },
      }
    })
    return c.json(variable, status, headers)
  })

  router.openapi(remove, async (c) => {
    const { environmentId, key } = c.req.valid('param')
    const { id } = await environmentIn(deps, c, environmentId)
    const { body: removed, status, headers } = await commit(deps, c, async (tx) => {
      if (!(await deleteVariable(tx, id, key))) throw notFound('variable')
      return {
        status: 200,
        body: { key },
        event: { action: 'variable.removed', targetType: 'environment', targetId: id, details: { key } },
      }
    })
    return c.json(removed, status, headers)
  })

  return router
}

/** Every value that any source has for the environment: what is stored, and what its attachments will give. */
async function variableLayers(
  { db, keyring }: ApiDependencies,
  environmentId: EnvironmentId,
): Promise<VariableLayer<VariableOrigin>[]> {
  const stored = (await variablesOf(db, keyring, environmentId)).map((variable) => ({ ...variable, value: { stored: variable } }))
  const managed = (await attachedSlices(db, environmentId)).flatMap((attached) =>
    exportedNames(attached).map((key) => ({
      ...{ key, source: 'managed_attachment' as const, overridable: true },
      value: { sliceId: attached.sliceId },
    })),
  )
  return [...stored, ...managed]
}
