import { createRoute } from '@hono/zod-openapi'
import { deleteProvider, insertProvider, providerAccess, providersOf, rotateToken, serversBoughtAt } from '../../db/providers.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { providerIn } from '../in-organisation.ts'
import { notFound, Problem } from '../problem.ts'
import { body, deletedSchema, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { inOrganisation, oneProvider } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { catalogueSchema, leaveQuery, newProviderSchema, presentProvider, providerChangeSchema, providerSchema } from '../schemas/provider.ts'

const path = '/organisations/{organisationId}/providers'
const tags = ['Providers']
const refusals = 'Problems: authentication_failed, token_read_only, access_denied, unreachable, rate_limited, unavailable.'

const create = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Connect a provider of servers; it is asked whether it takes the token before anything is stored',
  description: refusals,
  middleware: requires('admin'),
  request: { params: inOrganisation, headers: onceHeaders, body: body(newProviderSchema) },
  responses: { 201: json('The provider', providerSchema), ...writeProblems },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Providers of servers',
  middleware: requires('viewer'),
  request: { params: inOrganisation, query: pageQuery },
  responses: { 200: json('A page of providers', pageOf(providerSchema)), ...readProblems },
})

const read = createRoute({
  method: 'get',
  path: `${path}/{providerId}`,
  tags,
  summary: 'One provider',
  middleware: requires('viewer'),
  request: { params: oneProvider },
  responses: { 200: json('The provider', providerSchema), ...readProblems },
})

const rotate = createRoute({
  method: 'patch',
  path: `${path}/{providerId}`,
  tags,
  summary: 'Give another token of the same account; it is verified first',
  description: refusals,
  middleware: requires('admin'),
  request: { params: oneProvider, body: body(providerChangeSchema) },
  responses: { 200: json('The provider', providerSchema), ...writeProblems },
})

const remove = createRoute({
  method: 'delete',
  path: `${path}/{providerId}`,
  tags,
  summary: 'Forget a provider and its token; the private networks that were made there go too',
  description: 'Problems: provider_in_use names the servers that were bought there.',
  middleware: requires('admin'),
  request: { params: oneProvider, query: leaveQuery },
  responses: { 200: json('The id', deletedSchema), ...writeProblems },
})

const catalogue = createRoute({
  method: 'get',
  path: `${path}/{providerId}/catalogue`,
  tags,
  summary: 'What can be bought there, and for how much',
  description: refusals,
  middleware: requires('viewer'),
  request: { params: oneProvider },
  responses: { 200: json('Locations, types with their prices, and images', catalogueSchema), ...readProblems },
})

export function providerRoutes(deps: ApiDependencies) {
  const { db, keyring, providers } = deps
  return createRouter()
    .openapi(create, async (c) => {
      const { name, type, token } = c.req.valid('json')
      await providers[type].verify({ token })
      const { body: created, status, headers } = await commit(deps, c, async (tx) => {
        const provider = await insertProvider(tx, keyring, { organisationId: c.var.organisation.id, name, type, token })
        return {
          ...{ status: 201, body: presentProvider(provider) },
          event: { action: 'provider.created', targetType: 'provider', targetId: provider.id, details: { name, type } },
        }
      })
      return c.json(created, status, headers)
    })

    .openapi(list, async (c) => {
      return c.json(presented(await providersOf(db, c.var.organisation.id, c.req.valid('query')), presentProvider), 200)
    })

    .openapi(read, async (c) => {
      return c.json(presentProvider(await providerIn(deps, c, c.req.valid('param').providerId)), 200)
    })

    .openapi(rotate, async (c) => {
      const { id, type, name } = await providerIn(deps, c, c.req.valid('param').providerId)
      const { token } = c.req.valid('json')
      await providers[type].verify({ token })
      const { body: changed, status, headers } = await commit(deps, c, async (tx) => {
        const provider = await rotateToken(tx, keyring, { organisationId: c.var.organisation.id, id, token })
        if (!provider) throw notFound('provider')
        return {
          ...{ status: 200, body: presentProvider(provider) },
          event: { action: 'provider.token_rotated', targetType: 'provider', targetId: id, details: { name } },
        }
      })
      return c.json(changed, status, headers)
    })

    .openapi(remove, async (c) => {
      const { id, name } = await providerIn(deps, c, c.req.valid('param').providerId)
      const organisationId = c.var.organisation.id
      const refuseUsed = async (tx: typeof db) => {
        const servers = await serversBoughtAt(tx, id)
        if (servers.length > 0) throw new Problem(409, 'provider_in_use', `${servers.join(', ')} were bought at ${name}: remove them first.`)
      }
      await refuseUsed(db)
      if (c.req.valid('query').leave !== 'true') {
        const { type, access } = await providerAccess(db, keyring, id)
        await providers[type].removeNetworks(access, organisationId)
      }
      const { body: removed, status, headers } = await commit(deps, c, async (tx) => {
        await refuseUsed(tx)
        if (!(await deleteProvider(tx, organisationId, id))) throw notFound('provider')
        return { status: 200, body: { id }, event: { action: 'provider.removed', targetType: 'provider', targetId: id, details: { name } } }
      })
      return c.json(removed, status, headers)
    })

    .openapi(catalogue, async (c) => {
      const { id } = await providerIn(deps, c, c.req.valid('param').providerId)
      const { type, access } = await providerAccess(db, keyring, id)
      return c.json(catalogueSchema.parse(await providers[type].catalogue(access)), 200)
    })
}
