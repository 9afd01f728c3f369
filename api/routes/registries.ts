import { createRoute, z } from '@hono/zod-openapi'
import {
  changeRegistry,
  deleteRegistry,
  environmentsUsing,
  insertRegistry,
  registriesOf,
  registryLogin,
  type RegistrySettings,
} from '../../db/registries.ts'
import type { RegistryId } from '../../domain/ids.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiContext, type ApiDependencies, createRouter } from '../context.ts'
import { registryIn } from '../in-organisation.ts'
import { invalidField, notFound, Problem } from '../problem.ts'
import { registrySettings, verifyRegistry } from '../registry.ts'
import { body, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { inOrganisation, oneRegistry } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { newRegistrySchema, presentRegistry, registryChangeSchema, registrySchema } from '../schemas/registry.ts'

const path = '/organisations/{organisationId}/registries'
const tags = ['Registries']
const refusals = 'Problems: authentication_failed, access_denied (no right to push), unreachable, tls_refused, rate_limited, unavailable.'

const create = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Connect an image registry; it is asked whether it takes the credentials before anything is stored',
  description: refusals,
  middleware: requires('admin'),
  request: { params: inOrganisation, headers: onceHeaders, body: body(newRegistrySchema) },
  responses: { 201: json('The registry', registrySchema), ...writeProblems },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Image registries',
  middleware: requires('viewer'),
  request: { params: inOrganisation, query: pageQuery },
  responses: { 200: json('A page of registries', pageOf(registrySchema)), ...readProblems },
})

const read = createRoute({
  method: 'get',
  path: `${path}/{registryId}`,
  tags,
  summary: 'One image registry',
  middleware: requires('viewer'),
  request: { params: oneRegistry },
  responses: { 200: json('The registry', registrySchema), ...readProblems },
})

const change = createRoute({
  method: 'patch',
  path: `${path}/{registryId}`,
  tags,
  summary: 'Change a registry or its credentials; they are verified first, and what is left out stays',
  description: refusals,
  middleware: requires('admin'),
  request: { params: oneRegistry, body: body(registryChangeSchema) },
  responses: { 200: json('The registry', registrySchema), ...writeProblems },
})

const verify = createRoute({
  method: 'post',
  path: `${path}/{registryId}/verify`,
  tags,
  summary: 'Check that the registry takes the stored credentials',
  description: refusals,
  middleware: requires('deployer'),
  request: { params: oneRegistry, headers: onceHeaders },
  responses: { 200: json('The registry, verified', registrySchema), ...writeProblems },
})

const remove = createRoute({
  method: 'delete',
  path: `${path}/{registryId}`,
  tags,
  summary: 'Forget a registry and its credentials; the images in it stay',
  middleware: requires('admin'),
  request: { params: oneRegistry },
  responses: { 200: json('The id', z.object({ id: z.uuid() })), ...writeProblems },
})

export function registryRoutes(deps: ApiDependencies) {
  const { db, keyring } = deps
  /** Stores what a registry was verified with. */
  const store = (c: ApiContext, action: string, { id, ...settings }: RegistrySettings & { id: RegistryId }) =>
    commit(deps, c, async (tx) => {
      const registry = await changeRegistry(tx, keyring, { ...settings, id, organisationId: c.var.organisation.id })
      if (!registry) throw notFound('registry')
      return { status: 200, body: presentRegistry(registry), event: { action, targetType: 'registry', targetId: id, details: told(settings) } }
    })
  return createRouter()
    .openapi(create, async (c) => {
      const settings = registrySettings(c.req.valid('json'))
      await verifyRegistry(deps, settings)
      const { body: created, status, headers } = await commit(deps, c, async (tx) => {
        const registry = await insertRegistry(tx, keyring, { ...settings, organisationId: c.var.organisation.id })
        return {
          status: 201,
          body: presentRegistry(registry),
          event: { action: 'registry.created', targetType: 'registry', targetId: registry.id, details: told(settings) },
        }
      })
      return c.json(created, status, headers)
    })

    .openapi(list, async (c) => {
      return c.json(presented(await registriesOf(db, c.var.organisation.id, c.req.valid('query')), presentRegistry), 200)
    })

    .openapi(read, async (c) => {
      return c.json(presentRegistry(await registryIn(deps, c, c.req.valid('param').registryId)), 200)
    })

    .openapi(change, async (c) => {
      const { name, type, url, namespace, insecure, use, id } = await registryIn(deps, c, c.req.valid('param').registryId)
      const wished = c.req.valid('json')
      const login = await registryLogin(db, keyring, id)
      if (login && wished.url !== undefined && wished.url !== url && wished.password === undefined) {
        throw invalidField('password', 'give it again with the new url: Keystone sends it to no other address than the one it was given for')
      }
      const settings = registrySettings(
        {
          ...{ type, name: wished.name ?? name, url: wished.url ?? url, insecure: wished.insecure ?? insecure, use: wished.use ?? use },
          namespace: wished.namespace === undefined ? namespace : wished.namespace,
          ...{ username: wished.username, password: wished.password },
        },
        login,
      )
      await verifyRegistry(deps, settings)
      const { body: changed, status, headers } = await store(c, 'registry.changed', { ...settings, id })
      return c.json(changed, status, headers)
    })

    .openapi(verify, async (c) => {
      const registry = await registryIn(deps, c, c.req.valid('param').registryId)
      const { name, type, url, namespace, insecure, use, id } = registry
      const settings = { name, type, url, namespace, insecure, use, login: await registryLogin(db, keyring, id) }
      await verifyRegistry(deps, settings)
      const { body: verified, status, headers } = await store(c, 'registry.verified', { ...settings, id })
      return c.json(verified, status, headers)
    })

    .openapi(remove, async (c) => {
      const { id, name } = await registryIn(deps, c, c.req.valid('param').registryId)
      const { body: removed, status, headers } = await commit(deps, c, async (tx) => {
        const environments = await environmentsUsing(tx, id)
        if (environments.length > 0) {
          throw new Problem(409, 'registry_in_use', `${name} has the images of ${environments.join(', ')}: give them another registry first.`)
        }
        if (!(await deleteRegistry(tx, c.var.organisation.id, id))) throw notFound('registry')
        return { status: 200, body: { id }, event: { action: 'registry.removed', targetType: 'registry', targetId: id, details: { name } } }
      })
      return c.json(removed, status, headers)
    })
}

/** For the audit, which holds no secrets. */
const told = ({ login, ...settings }: RegistrySettings) => ({ ...settings, username: login?.username ?? null })
