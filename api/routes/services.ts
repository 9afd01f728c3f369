import { createRoute, z } from '@hono/zod-openapi'
import type { Database } from '../../db/connect.ts'
import { locksOfService } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { replicasOfService } from '../../db/replicas.ts'
import { changeService as changeServiceRow, lockService, type Service, servicesOf } from '../../db/services.ts'
import { driverNames } from '../../domain/services.ts'
import { requires } from '../authentication.ts'
import { changeOfService } from '../change-service.ts'
import { commit } from '../commit.ts'
import { type ApiContext, type ApiDependencies, createRouter } from '../context.ts'
import { serviceIn } from '../in-organisation.ts'
import { createService } from '../new-service.ts'
import { accepted, acceptedWith, requestedBy } from '../operation-request.ts'
import { notFound, Problem } from '../problem.ts'
import { body, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { inOrganisation, oneService } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { newServiceSchema, presentReplica, presentService, replicaSchema, serviceChangeSchema, serviceSchema } from '../schemas/service.ts'
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

const filter = pageQuery.extend({
  driver: z.enum(driverNames, `must be one of ${driverNames.join(', ')}`).optional(),
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Standalone services of all kinds or of one',
  middleware: requires('viewer'),
  request: { params: inOrganisation, query: filter },
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

const change = createRoute({
  method: 'patch',
  path: `${path}/{serviceId}`,
  tags,
  summary: 'Change a service; what is left out stays, and the next rollout goes by it',
  description:
    'Of an environment the next deployment or configuration change brings it about, without an outage; of a standalone service its own ' +
    'deployment. Limits: null is unrestricted.',
  middleware: requires('admin'),
  request: { params: oneService, body: body(serviceChangeSchema) },
  responses: { 200: json('The service', serviceSchema), ...writeProblems },
})

const replicas = createRoute({
  method: 'get',
  path: `${path}/{serviceId}/replicas`,
  tags,
  summary: 'The replicas of a service, with the limits that their containers really have',
  middleware: requires('viewer'),
  request: { params: oneService },
  responses: { 200: json('All of them on one page', pageOf(replicaSchema)), ...readProblems },
})

const deploy = createRoute({
  method: 'post',
  path: `${path}/{serviceId}/deployments`,
  tags,
  summary: 'Deploy a service on its own',
  description:
    'A standalone service, or one of an environment with the policy manual: this gets the image of the live release, and what is set ' +
    'today. Problems: deployed_with_environment, service_stopped.',
  middleware: requires('admin'),
  request: { params: oneService, headers: onceHeaders },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function serviceRoutes(deps: ApiDependencies) {
  const { db } = deps
  return createRouter()
    .openapi(create, async (c) => {
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

    .openapi(list, async (c) => {
      const { driver, ...request } = c.req.valid('query')
      const page = await servicesOf(db, { organisationId: c.var.organisation.id, environmentId: null, driver }, request)
      return c.json(presented(page, presentService), 200)
    })

    .openapi(read, async (c) => {
      const { serviceId } = c.req.valid('param')
      return c.json(presentService(await serviceIn(deps, c, serviceId)), 200)
    })

    .openapi(change, async (c) => {
      const service = await serviceIn(deps, c, c.req.valid('param').serviceId)
      const wished = c.req.valid('json')
      await namedServers(db, c.var.organisation.id, (wished.placements ?? []).map(({ serverId }) => serverId), (index) => `placements[${index}].serverId`)
      const { body: changed, status, headers } = await commit(deps, c, async (tx) => {
        await lockService(tx, service.id)
        const current = await serviceIn({ db: tx }, c, service.id)
        const { organisationId, id } = current
        const presentNow = await changeServiceRow(tx, { organisationId, id, change: changeOfService(current, wished) })
        if (!presentNow) throw notFound('service')
        return {
          status: 200,
          body: presentService(presentNow),
          event: { action: 'service.changed', targetType: 'service', targetId: id, details: wished },
        }
      })
      return c.json(changed, status, headers)
    })

    .openapi(replicas, async (c) => {
      const { id } = await serviceIn(deps, c, c.req.valid('param').serviceId)
      return c.json({ items: (await replicasOfService(db, id)).map(presentReplica), nextCursor: null }, 200)
    })

    .openapi(deploy, async (c) => {
      const service = await serviceIn(deps, c, c.req.valid('param').serviceId)
      refuseDeploy(service)
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => ({
        ...accepted(deps, await requestDeploy(tx, c, service)),
        event: { action: 'service.deploy_requested', targetType: 'service', targetId: service.id, details: { name: service.name } },
      }))
      return c.json(operation, status, headers)
    })
}

/** Throws a 409 where it is not for the service itself to be deployed, or not now. */
function refuseDeploy({ environmentId, deployPolicy, status, name }: Service): void {
  if (environmentId !== null && deployPolicy !== 'manual') {
    const detail = `${name} is deployed with its environment: start a deployment there.`
    throw new Problem(409, 'deployed_with_environment', detail)
  }
  if (status === 'stopped') throw new Problem(409, 'service_stopped', `${name} is stopped: start it instead.`)
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
