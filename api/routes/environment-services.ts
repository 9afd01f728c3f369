import { createRoute } from '@hono/zod-openapi'
import { environmentServers } from '../../db/environments.ts'
import { servicesOf } from '../../db/services.ts'
import type { ServerId } from '../../domain/ids.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { environmentIn } from '../in-organisation.ts'
import { framework } from '../new-environment.ts'
import { createService } from '../new-service.ts'
import { invalidField } from '../problem.ts'
import { body, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { oneEnvironment } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { newApplicationServiceSchema, presentService, serviceSchema } from '../schemas/service.ts'
import { namedServers } from '../servers-of-request.ts'
import { refuseWebSettings } from '../web-settings.ts'

const path = '/organisations/{organisationId}/environments/{environmentId}/services'
const tags = ['Environments']

const add = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Add a worker or websocket service; it is deployed with the environment',
  middleware: requires('admin'),
  request: { params: oneEnvironment, headers: onceHeaders, body: body(newApplicationServiceSchema) },
  responses: { 201: json('The service', serviceSchema), ...writeProblems },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Services of an environment',
  middleware: requires('viewer'),
  request: { params: oneEnvironment, query: pageQuery },
  responses: { 200: json('A page of services', pageOf(serviceSchema)), ...readProblems },
})

export function environmentServiceRoutes(deps: ApiDependencies) {
  const { db } = deps
  return createRouter()
    .openapi(add, async (c) => {
      const { organisation } = c.var
      const environment = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const { serverId, ...wished } = c.req.valid('json')
      refuseWebSettings(wished.config)
      if (serverId) await namedServers(db, organisation.id, [serverId], () => 'serverId')
      const place = serverId ?? onlyServer(await environmentServers(db, environment.id))
      const { body: created, status, headers } = await commit(deps, c, async (tx) => {
        const service = await createService(tx, deps, {
          ...wished,
          ...{ organisationId: organisation.id, environmentId: environment.id, driver: framework },
          ...{ serverIds: [place], configField: 'config' },
        })
        return {
          status: 201,
          body: presentService(service),
          event: {
            ...{ action: 'service.created', targetType: 'service', targetId: service.id },
            details: { ...wished, serverId: place },
          },
        }
      })
      return c.json(created, status, headers)
    })

    .openapi(list, async (c) => {
      const { organisation } = c.var
      const environment = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const page = await servicesOf(db, { organisationId: organisation.id, environmentId: environment.id }, c.req.valid('query'))
      return c.json(presented(page, presentService), 200)
    })
}

function onlyServer(serverIds: readonly ServerId[]): ServerId {
  const [only, ...others] = serverIds
  if (only && others.length === 0) return only
  throw invalidField('serverId', `is needed, since the environment has ${only ? 'several servers' : 'no server yet'}`)
}
