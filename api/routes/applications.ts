import { createRoute } from '@hono/zod-openapi'
import { applicationsOf, changeApplication, insertApplication, lockApplication, markDeployKeyInstalled, removeApplication } from '../../db/applications.ts'
import { environmentNamesOf } from '../../db/environments.ts'
import { applicationRefusal } from '../../domain/removals.ts'
import { generateDeployKey } from '../../drivers/sources/deploy-key.ts'
import { parseRepositoryUrl } from '../../drivers/sources/repository-url.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { applicationIn } from '../in-organisation.ts'
import { refusedBy } from '../removal.ts'
import { repositoryAccess, withDeployKey } from '../repository.ts'
import { applicationChangeSchema, applicationSchema, newApplicationSchema, presentApplication } from '../schemas/application.ts'
import { body, deletedSchema, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { inOrganisation, oneApplication } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'

const path = '/organisations/{organisationId}/applications'
const tags = ['Applications']

const create = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Create an application; the answer has the deploy key for its repository',
  middleware: requires('admin'),
  request: { params: inOrganisation, headers: onceHeaders, body: body(newApplicationSchema) },
  responses: { 201: json('The application', applicationSchema), ...writeProblems },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Applications',
  middleware: requires('viewer'),
  request: { params: inOrganisation, query: pageQuery },
  responses: { 200: json('A page of applications', pageOf(applicationSchema)), ...readProblems },
})

const read = createRoute({
  method: 'get',
  path: `${path}/{applicationId}`,
  tags,
  summary: 'One application',
  middleware: requires('viewer'),
  request: { params: oneApplication },
  responses: { 200: json('The application', applicationSchema), ...readProblems },
})

const change = createRoute({
  method: 'patch',
  path: `${path}/{applicationId}`,
  tags,
  summary: 'Change where the repository is, or the branch of new environments; what is left out stays',
  description: 'In another repository the deploy key has to be installed, too: verify it then.',
  middleware: requires('admin'),
  request: { params: oneApplication, body: body(applicationChangeSchema) },
  responses: { 200: json('The application', applicationSchema), ...writeProblems },
})

const verify = createRoute({
  method: 'post',
  path: `${path}/{applicationId}/verify`,
  tags,
  summary: 'Check that the deploy key opens the repository',
  description:
    'Problems: access_denied and repository_not_found come with the key to install, host_key_unknown with the key that was seen.',
  middleware: requires('deployer'),
  request: { params: oneApplication, headers: onceHeaders },
  responses: { 200: json('The application, its deploy key verified', applicationSchema), ...writeProblems },
})

const remove = createRoute({
  method: 'delete',
  path: `${path}/{applicationId}`,
  tags,
  summary: 'Delete an application that has no environment any more',
  description: 'Keystone forgets its deploy key: remove it from the repository. Problems: application_in_use names its environments.',
  middleware: requires('admin'),
  request: { params: oneApplication },
  responses: { 200: json('The id', deletedSchema), ...writeProblems },
})

export function applicationRoutes(deps: ApiDependencies) {
  const { db, keyring, sources } = deps
  return createRouter()
    .openapi(create, async (c) => {
      const wished = c.req.valid('json')
      parseRepositoryUrl(wished.repositoryUrl)
      const deployKey = generateDeployKey(`keystone ${wished.name}`)
      const { body: created, status, headers } = await commit(deps, c, async (tx) => {
        const application = await insertApplication(tx, keyring, { ...wished, organisationId: c.var.organisation.id, deployKey })
        return {
          status: 201,
          body: presentApplication(application),
          event: { action: 'application.created', targetType: 'application', targetId: application.id, details: wished },
        }
      })
      return c.json(created, status, headers)
    })

    .openapi(list, async (c) => {
      return c.json(presented(await applicationsOf(db, c.var.organisation.id, c.req.valid('query')), presentApplication), 200)
    })

    .openapi(read, async (c) => {
      const { applicationId } = c.req.valid('param')
      return c.json(presentApplication(await applicationIn(deps, c, applicationId)), 200)
    })

    .openapi(change, async (c) => {
      const { id } = await applicationIn(deps, c, c.req.valid('param').applicationId)
      const wished = c.req.valid('json')
      if (wished.repositoryUrl !== undefined) parseRepositoryUrl(wished.repositoryUrl)
      const { body: changed, status, headers } = await commit(deps, c, async (tx) => ({
        status: 200,
        body: presentApplication(await changeApplication(tx, id, wished)),
        event: { action: 'application.changed', targetType: 'application', targetId: id, details: wished },
      }))
      return c.json(changed, status, headers)
    })

    .openapi(verify, async (c) => {
      const { organisation } = c.var
      const application = await applicationIn(deps, c, c.req.valid('param').applicationId)
      await sources.refs(await repositoryAccess(deps, application)).catch((error: unknown) => {
        throw withDeployKey(error, application)
      })
      const { body: verified, status, headers } = await commit(deps, c, async (tx) => ({
        status: 200,
        body: presentApplication(await markDeployKeyInstalled(tx, organisation.id, application.id)),
        event: { action: 'application.deploy_key_verified', targetType: 'application', targetId: application.id },
      }))
      return c.json(verified, status, headers)
    })

    .openapi(remove, async (c) => {
      const { id, name } = await applicationIn(deps, c, c.req.valid('param').applicationId)
      const { body: removed, status, headers } = await commit(deps, c, async (tx) => {
        await lockApplication(tx, id)
        const refusal = applicationRefusal(name, await environmentNamesOf(tx, id))
        if (refusal) throw refusedBy(refusal)
        await removeApplication(tx, keyring, id)
        return { status: 200, body: { id }, event: { action: 'application.removed', targetType: 'application', targetId: id, details: { name } } }
      })
      return c.json(removed, status, headers)
    })
}
