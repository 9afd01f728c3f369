import { createRoute } from '@hono/zod-openapi'
import { changeRole, membersOf } from '../../db/members.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { memberToChange, removeFrom } from '../membership.ts'
import { body, deletedSchema, json, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { memberChangeSchema, memberSchema, presentMember } from '../schemas/member.ts'
import { inOrganisation, oneMember } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'

const path = '/organisations/{organisationId}/members'
const tags = ['Access']

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Members of an organisation and their roles',
  middleware: requires('viewer'),
  request: { params: inOrganisation, query: pageQuery },
  responses: { 200: json('A page of members', pageOf(memberSchema)), ...readProblems },
})

const change = createRoute({
  method: 'patch',
  path: `${path}/{userId}`,
  tags,
  summary: 'Give a member another role',
  description: 'Problems: role_exceeded where his role or the new one is mightier than yours; last_owner.',
  middleware: requires('admin'),
  request: { params: oneMember, body: body(memberChangeSchema) },
  responses: { 200: json('The member', memberSchema), ...writeProblems },
})

const remove = createRoute({
  method: 'delete',
  path: `${path}/{userId}`,
  tags,
  summary: 'Remove a member; his tokens open nothing here any more',
  description: 'Problems: role_exceeded, last_owner.',
  middleware: requires('admin'),
  request: { params: oneMember },
  responses: { 200: json('The id', deletedSchema), ...writeProblems },
})

export function memberRoutes(deps: ApiDependencies) {
  const { db } = deps
  return createRouter()
    .openapi(list, async (c) => {
      return c.json(presented(await membersOf(db, c.var.organisation.id, c.req.valid('query')), presentMember), 200)
    })

    .openapi(change, async (c) => {
      const { id: organisationId } = c.var.organisation
      const { userId } = c.req.valid('param')
      const { role } = c.req.valid('json')
      const { body: changed, status, headers } = await commit(deps, c, async (tx) => {
        const member = await memberToChange(tx, c.var.organisation, { userId, to: role })
        await changeRole(tx, organisationId, userId, role)
        const details = { email: member.email, from: member.role, to: role }
        return {
          status: 200,
          body: presentMember({ ...member, role }),
          event: { action: 'member.role_changed', targetType: 'user', targetId: userId, details },
        }
      })
      return c.json(changed, status, headers)
    })

    .openapi(remove, async (c) => {
      const { userId } = c.req.valid('param')
      const { body: removed, status, headers } = await commit(deps, c, (tx) => removeFrom(tx, c.var.organisation, userId))
      return c.json(removed, status, headers)
    })
}
