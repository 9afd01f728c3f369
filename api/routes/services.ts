import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Database } from '../../db/connect.ts'
import { locksOfService } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { type Service, servicesOf } from '../../db/services.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiContext, type ApiDependencies, type ApiEnv, createRouter } from '../context.ts'
import { serviceIn } from '../in-organisation.ts'
import { createService } from '../new-service.ts'
import { accepted, acceptedWith, requestedBy } from '../operation-request.ts'
import { Problem } from '../problem.ts'
import { body, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { inOrganisation, oneService } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { newServiceSchema, presentService, serviceSchema } from '../schemas/service.ts'
import { namedServers } from '../servers-of-request.ts'

const path = '/organisations/{organisationId}/services'
const tags = ['Services']

const create = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Create a standalone service, a database, cache or gateway, and deploy it',
  middleware: requires('admin'),
  request: { params: inOrganisation, headers: onceHeaders, body: body(newServiceSchema) },
  responses: {
    202: json('The service, and the operation that deploys it', z.object({ service: serviceSchema, operation: operationSchema })),
    ...writeProblems,
  },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Standalone services',
  middleware: requires('viewer'),
  request: { params: inOrganisation, query: pageQuery },
  responses: { 200: json('A page of services', pageOf(serviceSchema)), ...readProblems },
})

const read = createRoute({
  method: 'get',
  path: `${path}/{serviceId}`,
  tags,
  summary: 'One service',
  middleware: requires('viewer'),
  request: { params: oneService },
  responses: { 200: json('The service', serviceSchema), ...readProblems },
})

const deploy = createRoute({
  method: 'post',
  path: `${path}/{serviceId}/deployments`,
  tags,
  summary: 'Deploy a standalone service again',
  middleware: requires('admin'),
  request: { params: oneService, headers: onceHeaders },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function serviceRoutes(deps: ApiDependencies): OpenAPIHono<ApiEnv> {
  const { db } = deps
  const router = createRouter()

  router.openapi(create, async (c) => {
    const { organisation } = c.var
    const { serverId, ...wished } = c.req.valid('json')
    await namedServers(db, organisation.id, [serverId], () => 'serverId')
    const { body: created, status, headers } = await commit(deps, c, async (tx) => {
      const service = await createService(tx, deps, {
        ...wished,
        ...{ organisationId: organisation.id, environmentId: null, role: null, serverIds: [serverId], configField: 'config' },
      })
      const operation = await requestDeploy(tx, c, service)
      return {
        ...acceptedWith(deps, operation, { service: presentService(service) }),
        event: { action: 'service.created', targetType: 'service', targetId: service.id, details: { ...wished, serverId } },
      }
    })
    return c.json(created, status, headers)
  })

  router.openapi(list, async (c) => {
    const page = await servicesOf(db, { organisationId: c.var.organisation.id, environmentId: null }, c.req.valid('query'))
    return c.json(presented(page, presentService), 200)
  })

  router.openapi(read, async (c) => {
    const { serviceId } = c.req.valid('param')
    return c.json(presentService(await serviceIn(deps, c, serviceId)), 200)
  })

  router.openapi(deploy, async (c) => {
    const service = await serviceIn(deps, c, c.req.valid('param').serviceId)
    if (service.environmentId) {
      throw new Problem(
        409,
        'deployed_with_environment',
        `${service.name} is deployed with its environment: start a deployment there.`,
      )
    }
    const { body: operation, status, headers } = await commit(deps, c, async (tx) => ({
      ...accepted(deps, await requestDeploy(tx, c, service)),
      event: { action: 'service.deploy_requested', targetType: 'service', targetId: service.id, details: { name: service.name } },
    }))
    return c.json(operation, status, headers)
  })

  return router
}

async function requestDeploy(tx: Database, c: ApiContext, { id, name, driverName }: Service) {
  return requestOperation(tx, {
    ...requestedBy(c),
    kind: 'service_deploy',
    targetType: 'service',
    targetId: id,
    summary: `deploy ${driverName} ${name}`,
    locks: await locksOfService(tx, id),
  })
}
