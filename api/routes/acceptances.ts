import { createRoute } from '@hono/zod-openapi'
import { insertUser } from '../../db/users.ts'
import { Secret } from '../../domain/secret.ts'
import { hashPassword } from '../../drivers/secrets/passwords.ts'
import { accept, invitationTo } from '../acceptance.ts'
import { accountOf, wholeAccount } from '../authentication.ts'
import { clientAddress } from '../client-address.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { beginSession } from '../login.ts'
import { body, json } from '../schemas/content.ts'
import { acceptanceSchema, acceptedSchema, registrationSchema } from '../schemas/member.ts'
import { accountProblems, loginProblems } from '../schemas/problem.ts'
import { presentSession, sessionSchema } from '../schemas/user.ts'

const tags = ['Account']

const acceptance = createRoute({
  method: 'post',
  path: '/user/memberships',
  tags,
  summary: 'Accept an invitation as the user that you are',
  description: 'Problems: invitation_invalid, already_taken where you are a member already.',
  middleware: wholeAccount,
  request: { body: body(acceptanceSchema) },
  responses: { 201: json('The organisation, and your role in it', acceptedSchema), ...accountProblems },
})

const registration = createRoute({
  method: 'post',
  path: '/registrations',
  tags,
  summary: 'Accept an invitation as a new user with its e-mail address',
  description: 'Problems: invitation_invalid; already_taken where there is such a user: log in and accept it as that one.',
  security: [],
  request: { body: body(registrationSchema) },
  responses: { 201: json('A session of the new user', sessionSchema), ...loginProblems },
})

export function acceptanceRoutes(deps: ApiDependencies) {
  const { db } = deps
  const addressOf = clientAddress(deps)
  return createRouter()
    .openapi(acceptance, async (c) => {
      const userId = accountOf(c)
      const { tokenId } = c.var.actor
      const token = new Secret(c.req.valid('json').token)
      const accepted = await db.transaction(async (tx) => accept(tx, await invitationTo(tx, token), { userId, tokenId }))
      return c.json(accepted, 201)
    })

    .openapi(registration, async (c) => {
      const { token, name, password } = c.req.valid('json')
      const given = new Secret(token)
      await invitationTo(db, given)
      const passwordHash = await hashPassword(new Secret(password))
      const registered = await db.transaction(async (tx) => {
        const invitation = await invitationTo(tx, given)
        const user = await insertUser(tx, { email: invitation.email, name, passwordHash })
        const session = await beginSession(tx, user.id, { email: user.email, address: addressOf(c) })
        await accept(tx, invitation, { userId: user.id, tokenId: session.tokenId })
        return presentSession(session, user)
      })
      return c.json(registered, 201)
    })
}
