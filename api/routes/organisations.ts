import { createRoute } from '@hono/zod-openapi'
import { createOrganisation, lockOrganisation, organisationsOf, possessionsOf, removeOrganisation, renameOrganisation } from '../../db/access.ts'
import { childId, newId } from '../../db/ids.ts'
import type { OrganisationId, UserId } from '../../domain/ids.ts'
import { organisationRefusal } from '../../domain/removals.ts'
import { accountOf, requires } from '../authentication.ts'
import { commit, commitAs } from '../commit.ts'
import { type ApiContext, type ApiDependencies, createRouter } from '../context.ts'
import { organisationIn } from '../in-organisation.ts'
import { onceRequest, refuseRepeated } from '../once.ts'
import { Problem } from '../problem.ts'
import { refusedBy } from '../removal.ts'
import { body, deletedSchema, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { newOrganisationSchema, organisationChangeSchema, organisationSchema, presentOrganisation } from '../schemas/organisation.ts'
import { inOrganisation } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'

const path = '/organisations'
const tags = ['Organisations']

const create = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Create an organisation; you become its owner',
  request: { headers: onceHeaders, body: body(newOrganisationSchema) },
  responses: { 201: json('The organisation', organisationSchema), ...writeProblems },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Organisations that the token reaches',
  request: { query: pageQuery },
  responses: { 200: json('A page of organisations', pageOf(organisationSchema)), ...readProblems },
})

const read = createRoute({
  method: 'get',
  path: `${path}/{organisationId}`,
  tags,
  summary: 'One organisation',
  middleware: requires('viewer'),
  request: { params: inOrganisation },
  responses: { 200: json('The organisation', organisationSchema), ...readProblems },
})

const change = createRoute({
  method: 'patch',
  path: `${path}/{organisationId}`,
  tags,
  summary: 'Rename an organisation',
  middleware: requires('owner'),
  request: { params: inOrganisation, body: body(organisationChangeSchema) },
  responses: { 200: json('The organisation', organisationSchema), ...writeProblems },
})

const remove = createRoute({
  method: 'delete',
  path: `${path}/{organisationId}`,
  tags,
  summary: 'Delete an organisation that has nothing any more',
  description: 'Problems: organisation_in_use names what it has.',
  middleware: requires('owner'),
  request: { params: inOrganisation },
  responses: { 200: json('The id', deletedSchema), ...writeProblems },
})

export function organisationRoutes(deps: ApiDependencies) {
  const { db } = deps
  return createRouter()
    .openapi(create, async (c) => {
      const { name } = c.req.valid('json')
      const { actor } = c.var
      if (actor.organisationId !== null) {
        throw new Problem(403, 'token_of_one_organisation', 'This token reaches one organisation only: use one of your own.')
      }
      const userId = accountOf(c)
      const id = newOrganisationId(c, userId)
      const once = await onceRequest(c, id)
      if (once) await refuseRepeated(db, once)
      const { body: created, status, headers } = await commitAs({ db, once, actor, organisationId: id }, async (tx) => ({
        status: 201,
        body: presentOrganisation(await createOrganisation(tx, { id, name, userId })),
        event: { action: 'organisation.created', targetType: 'organisation', targetId: id, details: { name } },
      }))
      return c.json(created, status, headers)
    })

    .openapi(list, async (c) => {
      const page = await organisationsOf(db, c.var.actor, c.req.valid('query'))
      return c.json(presented(page, presentOrganisation), 200)
    })

    .openapi(read, async (c) => {
      return c.json(presentOrganisation(await organisationIn(deps, c)), 200)
    })

    .openapi(change, async (c) => {
      const { id, name: before } = await organisationIn(deps, c)
      const { name = before } = c.req.valid('json')
      const { body: changed, status, headers } = await commit(deps, c, async (tx) => ({
        status: 200,
        body: presentOrganisation(await renameOrganisation(tx, id, name)),
        event: { action: 'organisation.changed', targetType: 'organisation', targetId: id, details: { name, before } },
      }))
      return c.json(changed, status, headers)
    })

    .openapi(remove, async (c) => {
      const { id, name } = await organisationIn(deps, c)
      const { body: removed, status, headers } = await commit(deps, c, async (tx) => {
        await lockOrganisation(tx, id)
        const refusal = organisationRefusal(name, await possessionsOf(tx, id))
        if (refusal) throw refusedBy(refusal)
        await removeOrganisation(tx, id)
        return { status: 200, body: { id }, event: { action: 'organisation.removed', targetType: 'organisation', targetId: id, details: { name } } }
      })
      return c.json(removed, status, headers)
    })
}

/** The same for the same Idempotency-Key: answers are kept by organisation, and this one is only made now. */
function newOrganisationId(c: ApiContext, userId: UserId): OrganisationId {
  const key = c.req.header('idempotency-key')
  return key ? childId<OrganisationId>(userId, 'organisation', key) : newId<OrganisationId>()
}
