import { createRoute } from '@hono/zod-openapi'
import { revokeToken, tokenOf, tokensOf } from '../../db/api-tokens.ts'
import { mightiestOf } from '../../domain/access.ts'
import { requires, requireRole } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { refuseGiving } from '../giving.ts'
import { makeToken } from '../new-token.ts'
import { notFound } from '../problem.ts'
import { body, deletedSchema, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { inOrganisation, oneToken } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { madeTokenSchema, newTokenSchema, presentToken, tokenSchema } from '../schemas/token.ts'

const path = '/organisations/{organisationId}/tokens'
const tags = ['Access']

const create = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Make a token of the organisation: it speaks for no user, and stays when its maker goes',
  description: 'Problems: role_exceeded where it would be mightier than you.',
  middleware: requires('admin'),
  request: { params: inOrganisation, headers: onceHeaders, body: body(newTokenSchema) },
  responses: { 201: json('The token', madeTokenSchema), ...writeProblems },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Tokens of the organisation that are not revoked',
  middleware: requires('admin'),
  request: { params: inOrganisation, query: pageQuery },
  responses: { 200: json('A page of tokens', pageOf(tokenSchema)), ...readProblems },
})

const revoke = createRoute({
  method: 'delete',
  path: `${path}/{tokenId}`,
  tags,
  summary: 'Revoke a token of the organisation',
  middleware: requires('admin'),
  request: { params: oneToken },
  responses: { 200: json('The id', deletedSchema), ...writeProblems },
})

export function tokenRoutes(deps: ApiDependencies) {
  const { db } = deps
  return createRouter()
    .openapi(create, async (c) => {
      const owner = { organisationId: c.var.organisation.id }
      const wished = c.req.valid('json')
      refuseGiving(c, mightiestOf(wished.scopes))
      const { body: made, status, headers } = await commit(deps, c, (tx) =>
        makeToken(tx, owner, { ...wished, ...owner, kind: 'organisation', createdBy: c.var.actor.userId }),
      )
      return c.json(made, status, headers)
    })

    .openapi(list, async (c) => {
      const owner = { organisationId: c.var.organisation.id }
      return c.json(presented(await tokensOf(db, owner, c.req.valid('query')), presentToken), 200)
    })

    .openapi(revoke, async (c) => {
      const owner = { organisationId: c.var.organisation.id }
      const { tokenId: id } = c.req.valid('param')
      const { body: revoked, status, headers } = await commit(deps, c, async (tx) => {
        const token = await tokenOf(tx, owner, id)
        if (!token) throw notFound('token')
        requireRole(c, mightiestOf(token.scopes ?? []))
        await revokeToken(tx, id)
        return { status: 200, body: { id }, event: { action: 'token.revoked', targetType: 'token', targetId: id, details: { name: token.name } } }
      })
      return c.json(revoked, status, headers)
    })
}
