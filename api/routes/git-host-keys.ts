import { createRoute } from '@hono/zod-openapi'
import { confirmHostKey, forgetHostKey, gitHostKeysOf } from '../../db/git-host-keys.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { notFound } from '../problem.ts'
import { body, deletedSchema, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { gitHostKeySchema, newGitHostKeySchema, presentGitHostKey } from '../schemas/git-host-key.ts'
import { inOrganisation, oneGitHostKey } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'

const path = '/organisations/{organisationId}/git-host-keys'
const tags = ['Git hosts']

const confirm = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Confirm the host key of a git host; it takes the place of one confirmed before',
  middleware: requires('admin'),
  request: { params: inOrganisation, headers: onceHeaders, body: body(newGitHostKeySchema) },
  responses: { 201: json('The confirmed key', gitHostKeySchema), ...writeProblems },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Confirmed host keys of git hosts',
  middleware: requires('viewer'),
  request: { params: inOrganisation, query: pageQuery },
  responses: { 200: json('A page of keys', pageOf(gitHostKeySchema)), ...readProblems },
})

const forget = createRoute({
  method: 'delete',
  path: `${path}/{gitHostKeyId}`,
  tags,
  summary: 'Forget the host key of a git host',
  description: 'Its repositories are not read any more until a key is confirmed; those of well-known hosts come with Keystone.',
  middleware: requires('admin'),
  request: { params: oneGitHostKey },
  responses: { 200: json('The id', deletedSchema), ...writeProblems },
})

export function gitHostKeyRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(confirm, async (c) => {
      const wished = c.req.valid('json')
      const { body: confirmed, status, headers } = await commit(deps, c, async (tx) => {
        const stored = await confirmHostKey(tx, { ...wished, organisationId: c.var.organisation.id })
        return {
          status: 201,
          body: presentGitHostKey(stored),
          event: { action: 'git_host_key.confirmed', targetType: 'git_host_key', targetId: stored.id, details: wished },
        }
      })
      return c.json(confirmed, status, headers)
    })

    .openapi(list, async (c) => {
      return c.json(presented(await gitHostKeysOf(deps.db, c.var.organisation.id, c.req.valid('query')), presentGitHostKey), 200)
    })
    .openapi(forget, async (c) => {
      const { gitHostKeyId } = c.req.valid('param')
      const { body: forgotten, status, headers } = await commit(deps, c, async (tx) => {
        const key = await forgetHostKey(tx, c.var.organisation.id, gitHostKeyId)
        if (!key) throw notFound('git host key')
        const { id, host, port } = key
        return { status: 200, body: { id }, event: { action: 'git_host_key.forgotten', targetType: 'git_host_key', targetId: id, details: { host, port } } }
      })
      return c.json(forgotten, status, headers)
    })
}
