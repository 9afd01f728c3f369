import { createRoute } from '@hono/zod-openapi'
import { organisationsOf } from '../../db/access.ts'
import { revokeSessions } from '../../db/api-tokens.ts'
import { auditPage } from '../../db/audit-log.ts'
import { changeUser, userById } from '../../db/users.ts'
import { Secret } from '../../domain/secret.ts'
import { hashPassword } from '../../drivers/secrets/passwords.ts'
import { accountOf, isWhole, wholeAccount } from '../authentication.ts'
import { clientAddress } from '../client-address.ts'
import { commitAs } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { requirePassword } from '../login.ts'
import { auditEventSchema, auditQuery, presentAuditEvent } from '../schemas/audit.ts'
import { body, json, pageOf, presented } from '../schemas/content.ts'
import { accountProblems, readProblems } from '../schemas/problem.ts'
import { passwordChangeSchema, presentUser, presentWho, userChangeSchema, userSchema, whoSchema } from '../schemas/user.ts'

const path = '/user'
const tags = ['Account']

const read = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Whom the token speaks for, and where it may do what',
  responses: { 200: json('Who you are', whoSchema), ...readProblems },
})

const change = createRoute({
  method: 'patch',
  path,
  tags,
  summary: 'Change your name or address',
  middleware: wholeAccount,
  request: { body: body(userChangeSchema) },
  responses: { 200: json('You', userSchema), ...accountProblems },
})

const changePassword = createRoute({
  method: 'put',
  path: `${path}/password`,
  tags,
  summary: 'Set or change your password; your other sessions end',
  middleware: wholeAccount,
  request: { body: body(passwordChangeSchema) },
  responses: { 200: json('You', userSchema), ...accountProblems },
})

const events = createRoute({
  method: 'get',
  path: `${path}/audit-events`,
  tags,
  summary: 'What was changed of your account, and its logins, newest first',
  middleware: wholeAccount,
  request: { query: auditQuery },
  responses: { 200: json('A page of events', pageOf(auditEventSchema)), ...readProblems },
})

export function userRoutes(deps: ApiDependencies) {
  const { db } = deps
  const addressOf = clientAddress(deps)
  return createRouter()
    .openapi(read, async (c) => {
      const { actor } = c.var
      const user = actor.userId === null ? null : await userById(db, actor.userId)
      const { items: reached } = await organisationsOf(db, actor, { limit: 100 })
      return c.json(presentWho(actor, { user, isWhole: isWhole(actor), reached }), 200)
    })

    .openapi(change, async (c) => {
      const id = accountOf(c)
      const wished = c.req.valid('json')
      const { body: changed, status } = await commitAs({ db, once: null, actor: c.var.actor, organisationId: null }, async (tx) => {
        await changeUser(tx, id, wished)
        const event = { action: 'user.changed', targetType: 'user', targetId: id, details: wished }
        return { status: 200, body: presentUser(await userById(tx, id)), event }
      })
      return c.json(changed, status)
    })

    .openapi(changePassword, async (c) => {
      const { password, currentPassword } = c.req.valid('json')
      const { id, email } = await userById(db, accountOf(c))
      await requirePassword(db, { email, address: addressOf(c) }, currentPassword)
      const passwordHash = await hashPassword(new Secret(password))
      const { body: changed, status } = await commitAs({ db, once: null, actor: c.var.actor, organisationId: null }, async (tx) => {
        await changeUser(tx, id, { passwordHash })
        await revokeSessions(tx, id, c.var.actor.tokenId)
        return { status: 200, body: presentUser(await userById(tx, id)), event: { action: 'user.password_changed', targetType: 'user', targetId: id } }
      })
      return c.json(changed, status)
    })

    .openapi(events, async (c) => {
      const { cursor, limit, ...filter } = c.req.valid('query')
      return c.json(presented(await auditPage(db, { userId: accountOf(c) }, filter, { cursor, limit }), presentAuditEvent), 200)
    })
}
