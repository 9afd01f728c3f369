import { createRoute } from '@hono/zod-openapi'
import { reachedBy } from '../../db/access.ts'
import { revokeToken, tokenOf, tokensOf } from '../../db/api-tokens.ts'
import { accountOf, wholeAccount } from '../authentication.ts'
import { commitAs } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { makeToken } from '../new-token.ts'
import { invalidField, notFound } from '../problem.ts'
import { body, deletedSchema, json, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { oneOwnToken } from '../schemas/params.ts'
import { accountProblems, readProblems } from '../schemas/problem.ts'
import { madeTokenSchema, newOwnTokenSchema, presentToken, tokenSchema } from '../schemas/token.ts'

const path = '/user/tokens'
const tags = ['Account']

const create = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Make a token that speaks for you',
  middleware: wholeAccount,
  request: { body: body(newOwnTokenSchema) },
  responses: { 201: json('The token', madeTokenSchema), ...accountProblems },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Your tokens and sessions that are not revoked',
  middleware: wholeAccount,
  request: { query: pageQuery },
  responses: { 200: json('A page of tokens', pageOf(tokenSchema)), ...readProblems },
})

const revoke = createRoute({
  method: 'delete',
  path: `${path}/{tokenId}`,
  tags,
  summary: 'Revoke one of your tokens or sessions',
  middleware: wholeAccount,
  request: { params: oneOwnToken },
  responses: { 200: json('The id', deletedSchema), ...accountProblems },
})

export function userTokenRoutes(deps: ApiDependencies) {
  const { db } = deps
  return createRouter()
    .openapi(create, async (c) => {
      const userId = accountOf(c)
      const { actor } = c.var
      const wished = c.req.valid('json')
      if (wished.organisationId !== null && !(await reachedBy(db, actor, wished.organisationId))) {
        throw invalidField('organisationId', 'there is no such organisation among yours', 'unknown_organisation')
      }
      const { body: made, status } = await commitAs({ db, once: null, actor, organisationId: null }, (tx) =>
        makeToken(tx, { userId }, { ...wished, kind: 'personal', userId, createdBy: userId }),
      )
      return c.json(made, status)
    })

    .openapi(list, async (c) => {
      return c.json(presented(await tokensOf(db, { userId: accountOf(c) }, c.req.valid('query')), presentToken), 200)
    })

    .openapi(revoke, async (c) => {
      const owner = { userId: accountOf(c) }
      const { tokenId: id } = c.req.valid('param')
      const { body: revoked, status } = await commitAs({ db, once: null, actor: c.var.actor, organisationId: null }, async (tx) => {
        const token = await tokenOf(tx, owner, id)
        if (!token) throw notFound('token')
        await revokeToken(tx, id)
        return { status: 200, body: { id }, event: { action: 'token.revoked', targetType: 'token', targetId: id, details: { name: token.name } } }
      })
      return c.json(revoked, status)
    })
}
