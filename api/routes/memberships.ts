import { createRoute } from '@hono/zod-openapi'
import { reachedBy } from '../../db/access.ts'
import { accountOf, wholeAccount } from '../authentication.ts'
import { commitAs } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { removeFrom } from '../membership.ts'
import { notFound } from '../problem.ts'
import { deletedSchema, json } from '../schemas/content.ts'
import { inOrganisation } from '../schemas/params.ts'
import { accountProblems } from '../schemas/problem.ts'

const leave = createRoute({
  method: 'delete',
  path: '/user/memberships/{organisationId}',
  tags: ['Account'],
  summary: 'Leave an organisation',
  description: 'Problems: last_owner.',
  middleware: wholeAccount,
  request: { params: inOrganisation },
  responses: { 200: json('Your id', deletedSchema), ...accountProblems },
})

export function membershipRoutes({ db }: ApiDependencies) {
  return createRouter()
    .openapi(leave, async (c) => {
      const userId = accountOf(c)
      const { actor } = c.var
      const organisation = await reachedBy(db, actor, c.req.valid('param').organisationId)
      if (!organisation) throw notFound('organisation')
      const { body: left, status } = await commitAs({ db, once: null, actor, organisationId: organisation.id }, (tx) =>
        removeFrom(tx, organisation, userId, 'member.left'),
      )
      return c.json(left, status)
    })
}
