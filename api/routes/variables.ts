import { createRoute, z } from '@hono/zod-openapi'
import { variableHistory } from '../../db/variables.ts'
import { Secret } from '../../domain/secret.ts'
import { effectiveVariables } from '../../domain/variables.ts'
import { allows, requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { environmentIn } from '../in-organisation.ts'
import { notFound } from '../problem.ts'
import { body, json, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { variableKey } from '../schemas/fields.ts'
import { oneEnvironment } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import {
  changedVariablesSchema,
  newVariableSchema,
  presentVariable,
  presentVariableChange,
  variableChangeSchema,
  variableSchema,
  variablesChangeSchema,
} from '../schemas/variable.ts'
import { changesOf, changeUsersVariables, variableLayers } from '../variables.ts'

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
  summary: 'Set a variable; the next deployment or configuration change has it',
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

const change = createRoute({
  method: 'patch',
  path,
  tags,
  summary: 'Set and remove several variables at once, all or none',
  middleware: requires('admin'),
  request: { params: oneEnvironment, body: body(variablesChangeSchema) },
  responses: { 200: json('What came of each', changedVariablesSchema), ...writeProblems },
})

const history = createRoute({
  method: 'get',
  path: '/organisations/{organisationId}/environments/{environmentId}/variable-changes',
  tags,
  summary: 'Who changed which variable and when, newest first; never its values',
  middleware: requires('viewer'),
  request: { params: oneEnvironment, query: pageQuery.extend({ key: variableKey.optional() }) },
  responses: { 200: json('A page of changes', pageOf(variableChangeSchema)), ...readProblems },
})

export function variableRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(list, async (c) => {
      const { id } = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const layers = await variableLayers(deps, id)
      const effective = effectiveVariables(layers)
      const showsValues = allows(c, 'admin')
      const items = layers.map((layer) => presentVariable(layer, { isEffective: effective.includes(layer), showsValues }))
      return c.json({ items: items.sort((one, other) => (one.key < other.key ? -1 : 1)), nextCursor: null }, 200)
    })

    .openapi(set, async (c) => {
      const { environmentId, key } = c.req.valid('param')
      const { id } = await environmentIn(deps, c, environmentId)
      const wish = { environmentId: id, userId: c.var.actor.userId, values: { [key]: new Secret(c.req.valid('json').value) }, field: 'key' }
      const { body: variable, status, headers } = await commit(deps, c, async (tx) => {
        const { items } = await changeUsersVariables(tx, deps, wish)
        const stored = (await variableLayers({ ...deps, db: tx }, id)).find((layer) => layer.key === key && layer.source === 'user')
        if (!stored) throw new Error(`variable ${key} was not stored`)
        return {
          status: 200,
          body: presentVariable(stored, { isEffective: true, showsValues: true }),
          event: { action: 'variable.set', targetType: 'environment', targetId: id, details: { key, version: items[0]?.version } },
        }
      })
      return c.json(variable, status, headers)
    })

    .openapi(remove, async (c) => {
      const { environmentId, key } = c.req.valid('param')
      const { id } = await environmentIn(deps, c, environmentId)
      const { body: removed, status, headers } = await commit(deps, c, async (tx) => {
        const wish = { environmentId: id, userId: c.var.actor.userId, values: { [key]: null }, field: 'key' }
        const { items } = await changeUsersVariables(tx, deps, wish)
        if (!items.some((item) => item.change === 'removed')) throw notFound('variable')
        return {
          status: 200,
          body: { key },
          event: { action: 'variable.removed', targetType: 'environment', targetId: id, details: { key } },
        }
      })
      return c.json(removed, status, headers)
    })

    .openapi(change, async (c) => {
      const { id } = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const wished = Object.entries(c.req.valid('json').variables)
      const values = Object.fromEntries(wished.map(([key, value]) => [key, value === null ? null : new Secret(value)]))
      const { body: changed, status, headers } = await commit(deps, c, async (tx) => {
        const made = await changeUsersVariables(tx, deps, { environmentId: id, userId: c.var.actor.userId, values, field: 'variables' })
        return {
          status: 200,
          body: made,
          event: { action: 'variables.changed', targetType: 'environment', targetId: id, details: changesOf(made) },
        }
      })
      return c.json(changed, status, headers)
    })

    .openapi(history, async (c) => {
      const { id } = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const { key, ...page } = c.req.valid('query')
      return c.json(presented(await variableHistory(deps.db, { environmentId: id, key }, page), presentVariableChange), 200)
    })
}
