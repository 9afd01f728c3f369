import { createRoute } from '@hono/zod-openapi'
import { changeEnvironment, environmentsOf, lockEnvironment } from '../../db/environments.ts'
import { locksOfEnvironment } from '../../db/operation-locks.ts'
import { serviceOf } from '../../db/services.ts'
import type { EnvironmentId, ServiceId } from '../../domain/ids.ts'
import { requires } from '../authentication.ts'
import { buildSource, ownServer } from '../build-source.ts'
import { commit } from '../commit.ts'
import { type ApiContext, type ApiDependencies, createRouter } from '../context.ts'
import { applicationIn, environmentIn, environmentToRemove } from '../in-organisation.ts'
import { changedBuild, createEnvironment } from '../new-environment.ts'
import { invalidField, notFound } from '../problem.ts'
import { refuseRegistry } from '../registry.ts'
import { requestRemoval } from '../removal.ts'
import { body, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import {
  environmentChangeSchema,
  environmentSchema,
  newEnvironmentSchema,
  presentEnvironment,
} from '../schemas/environment.ts'
import { applicationIdSchema } from '../schemas/fields.ts'
import { operationSchema } from '../schemas/operation.ts'
import { inOrganisation, oneApplication, oneEnvironment } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { removalQuery } from '../schemas/removal.ts'
import { namedServers } from '../servers-of-request.ts'

const path = '/organisations/{organisationId}/environments'
const tags = ['Environments']

const create = createRoute({
  method: 'post',
  path: '/organisations/{organisationId}/applications/{applicationId}/environments',
  tags,
  summary: 'Create an environment with its web service, scheduler and system variables',
  middleware: requires('admin'),
  request: { params: oneApplication, headers: onceHeaders, body: body(newEnvironmentSchema) },
  responses: { 201: json('The environment', environmentSchema), ...writeProblems },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Environments of all applications or of one',
  middleware: requires('viewer'),
  request: { params: inOrganisation, query: pageQuery.extend({ applicationId: applicationIdSchema.optional() }) },
  responses: { 200: json('A page of environments', pageOf(environmentSchema)), ...readProblems },
})

const read = createRoute({
  method: 'get',
  path: `${path}/{environmentId}`,
  tags,
  summary: 'One environment',
  middleware: requires('viewer'),
  request: { params: oneEnvironment },
  responses: { 200: json('The environment', environmentSchema), ...readProblems },
})

const change = createRoute({
  method: 'patch',
  path: `${path}/{environmentId}`,
  tags,
  summary: 'Change settings of an environment; those that are left out stay',
  middleware: requires('admin'),
  request: { params: oneEnvironment, body: body(environmentChangeSchema) },
  responses: { 200: json('The environment', environmentSchema), ...writeProblems },
})

const remove = createRoute({
  method: 'delete',
  path: `${path}/{environmentId}`,
  tags,
  summary: 'Remove an environment with its services and routes',
  description: 'Slices that it used and its volumes are kept until they are deleted by name. Its domains answer 404 from then on.',
  middleware: requires('admin'),
  request: { params: oneEnvironment, query: removalQuery },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function environmentRoutes(deps: ApiDependencies) {
  const { db } = deps
  return createRouter()
    .openapi(create, async (c) => {
      const { organisation } = c.var
      const application = await applicationIn(deps, c, c.req.valid('param').applicationId)
      const wished = c.req.valid('json')
      await namedServers(db, organisation.id, wished.serverIds, (index) => `serverIds[${index}]`)
      await refuseRegistry(deps, c, wished.registryId)
      const source = await buildSource(deps, organisation.id, { wished, current: ownServer })
      const { body: created, status, headers } = await commit(deps, c, async (tx) => {
        const environment = await createEnvironment(tx, deps, { application, wished: { ...wished, ...source } })
        return {
          status: 201,
          body: presentEnvironment(environment),
          event: { action: 'environment.created', targetType: 'environment', targetId: environment.id, details: wished },
        }
      })
      return c.json(created, status, headers)
    })

    .openapi(list, async (c) => {
      const { applicationId, ...page } = c.req.valid('query')
      const environments = await environmentsOf(db, { organisationId: c.var.organisation.id, applicationId }, page)
      return c.json(presented(environments, presentEnvironment), 200)
    })

    .openapi(read, async (c) => {
      const { environmentId } = c.req.valid('param')
      return c.json(presentEnvironment(await environmentIn(deps, c, environmentId)), 200)
    })

    .openapi(change, async (c) => {
      const { organisation } = c.var
      const { id } = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const wished = c.req.valid('json')
      await refuseRegistry(deps, c, wished.registryId)
      await refuseSchedulerTarget(deps, c, { environmentId: id, serviceId: wished.schedulerTargetServiceId })
      const { body: changed, status, headers } = await commit(deps, c, async (tx) => {
        await lockEnvironment(tx, id)
        const current = await environmentIn({ db: tx }, c, id)
        const source = await buildSource({ db: tx }, organisation.id, { wished, current })
        const { build, ...settings } = wished
        const built = build ? { buildConfig: changedBuild(current.buildConfig, build) } : {}
        const environment = await changeEnvironment(tx, { organisationId: organisation.id, id, change: { ...settings, ...source, ...built } })
        if (!environment) throw notFound('environment')
        return {
          status: 200,
          body: presentEnvironment(environment),
          event: { action: 'environment.changed', targetType: 'environment', targetId: id, details: wished },
        }
      })
      return c.json(changed, status, headers)
    })

    .openapi(remove, async (c) => {
      const isForced = c.req.valid('query').force === 'true'
      const environment = await environmentToRemove(deps, c, c.req.valid('param').environmentId)
      const application = await applicationIn(deps, c, environment.applicationId)
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        const name = `${environment.name} of ${application.name}`
        const target = { kind: 'environment_remove', targetType: 'environment', targetId: environment.id, name } as const
        return requestRemoval(deps, tx, c, { ...target, isForced, locks: await locksOfEnvironment(tx, environment.id) })
      })
      return c.json(operation, status, headers)
    })
}

interface SchedulerTarget {
  environmentId: EnvironmentId
  serviceId: ServiceId | undefined
}

/** Throws a 422 where the scheduler cannot run on this service. */
async function refuseSchedulerTarget({ db }: ApiDependencies, c: ApiContext, { environmentId, serviceId }: SchedulerTarget) {
  if (!serviceId) return
  const service = await serviceOf(db, c.var.organisation.id, serviceId)
  const isFit = service?.environmentId === environmentId && service.processRoles.some((role) => role === 'web' || role === 'worker')
  if (!isFit) throw invalidField('schedulerTargetServiceId', 'must be a web or worker service of this environment')
}
