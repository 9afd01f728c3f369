import { createRoute } from '@hono/zod-openapi'
import { insertInvitation, invitationOf, invitationsOf, revokeInvitation } from '../../db/invitations.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { refuseGiving } from '../giving.ts'
import { notFound } from '../problem.ts'
import { body, deletedSchema, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { invitationSchema, madeInvitationSchema, newInvitationSchema, presentInvitation } from '../schemas/member.ts'
import { inOrganisation, oneInvitation } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'

const path = '/organisations/{organisationId}/invitations'
const tags = ['Access']
const dayInSeconds = 86_400

const create = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Invite somebody; the answer has the token that he needs, since Keystone sends no mail',
  description: 'Problems: role_exceeded where the role is mightier than yours; already_taken where the address is invited already.',
  middleware: requires('admin'),
  request: { params: inOrganisation, headers: onceHeaders, body: body(newInvitationSchema) },
  responses: { 201: json('The invitation', madeInvitationSchema), ...writeProblems },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Invitations that are neither accepted nor revoked',
  middleware: requires('admin'),
  request: { params: inOrganisation, query: pageQuery },
  responses: { 200: json('A page of invitations', pageOf(invitationSchema)), ...readProblems },
})

const revoke = createRoute({
  method: 'delete',
  path: `${path}/{invitationId}`,
  tags,
  summary: 'Revoke an invitation',
  middleware: requires('admin'),
  request: { params: oneInvitation },
  responses: { 200: json('The id', deletedSchema), ...writeProblems },
})

export function invitationRoutes(deps: ApiDependencies) {
  const { db } = deps
  return createRouter()
    .openapi(create, async (c) => {
      const { id: organisationId } = c.var.organisation
      const { expiresInDays, ...wished } = c.req.valid('json')
      refuseGiving(c, wished.role)
      const { body: created, status, headers } = await commit(deps, c, async (tx) => {
        const wish = { ...wished, organisationId, invitedBy: c.var.actor.userId, lifetimeSeconds: expiresInDays * dayInSeconds }
        const { id, text } = await insertInvitation(tx, wish)
        const invitation = await invitationOf(tx, organisationId, id)
        if (!invitation) throw new Error('the invitation was not stored')
        const shown = presentInvitation(invitation)
        return {
          status: 201,
          body: { ...shown, token: text.reveal() },
          repeated: { ...shown, token: null },
          event: { action: 'invitation.created', targetType: 'invitation', targetId: id, details: { ...wished, expiresAt: shown.expiresAt } },
        }
      })
      return c.json(created, status, headers)
    })

    .openapi(list, async (c) => {
      return c.json(presented(await invitationsOf(db, c.var.organisation.id, c.req.valid('query')), presentInvitation), 200)
    })

    .openapi(revoke, async (c) => {
      const { invitationId: id } = c.req.valid('param')
      const { body: revoked, status, headers } = await commit(deps, c, async (tx) => {
        const invitation = await invitationOf(tx, c.var.organisation.id, id)
        if (!invitation) throw notFound('invitation')
        await revokeInvitation(tx, id)
        const { email, role } = invitation
        return { status: 200, body: { id }, event: { action: 'invitation.revoked', targetType: 'invitation', targetId: id, details: { email, role } } }
      })
      return c.json(revoked, status, headers)
    })
}
