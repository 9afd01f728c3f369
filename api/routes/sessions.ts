import { createRoute } from '@hono/zod-openapi'
import { revokeToken } from '../../db/api-tokens.ts'
import { userById } from '../../db/users.ts'
import { Secret } from '../../domain/secret.ts'
import { clientAddress } from '../client-address.ts'
import { commitAs } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { beginSession, passwordCheck } from '../login.ts'
import { body, deletedSchema, json } from '../schemas/content.ts'
import { loginProblems, writeProblems } from '../schemas/problem.ts'
import { loginSchema, presentSession, sessionSchema } from '../schemas/user.ts'

const tags = ['Account']

const login = createRoute({
  method: 'post',
  path: '/login',
  tags,
  summary: 'Log in by e-mail and password; the token that you get ends by itself',
  description: 'Problems: login_failed is the same whether there is such an account or not; too_many_attempts comes with retry-after.',
  security: [],
  request: { body: body(loginSchema) },
  responses: { 200: json('The session', sessionSchema), ...loginProblems },
})

const logout = createRoute({
  method: 'post',
  path: '/user/logout',
  tags,
  summary: 'Revoke the token that this is asked with',
  responses: { 200: json('The id of the token', deletedSchema), ...writeProblems },
})

export function sessionRoutes(deps: ApiDependencies) {
  const { db } = deps
  const addressOf = clientAddress(deps)
  const holderOf = passwordCheck(deps)
  return createRouter()
    .openapi(login, async (c) => {
      const { email, password } = c.req.valid('json')
      const attempt = { email, address: addressOf(c) }
      const userId = await holderOf(attempt, new Secret(password))
      const session = await db.transaction((tx) => beginSession(tx, userId, attempt))
      return c.json(presentSession(session, await userById(db, userId)), 200)
    })

    .openapi(logout, async (c) => {
      const { actor } = c.var
      const { tokenId: id, userId, organisationId } = actor
      const { body: ended, status } = await commitAs({ db, once: null, actor, organisationId: userId === null ? organisationId : null }, async (tx) => {
        await revokeToken(tx, id)
        return { status: 200, body: { id }, event: { action: 'token.revoked', targetType: 'token', targetId: id } }
      })
      return c.json(ended, status)
    })
}
