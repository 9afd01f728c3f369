import { createRoute, z } from '@hono/zod-openapi'
import { locksOfService } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { environmentsThatNotice, usesOfService } from '../../db/service-uses.ts'
import type { Service } from '../../db/services.ts'
import { interruptionBy } from '../../domain/interruptions.ts'
import { removalRefusal } from '../../domain/removals.ts'
import { processRoles } from '../../domain/services.ts'
import { serviceDriver } from '../../drivers/services/registry.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiContext, type ApiDependencies, createRouter } from '../context.ts'
import { serviceIn, serviceToRemove } from '../in-organisation.ts'
import { acceptedWith, requestedBy } from '../operation-request.ts'
import { Problem } from '../problem.ts'
import { refusedBy, requestRemoval } from '../removal.ts'
import { json, onceHeaders } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneService } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'
import { removalQuery } from '../schemas/removal.ts'
import { interruptionSchema, presentService, serviceSchema } from '../schemas/service.ts'

const path = '/organisations/{organisationId}/services/{serviceId}'
const tags = ['Services']

const changing = json(
  'The service, the operation, and what users notice of it',
  z.object({ service: serviceSchema, operation: operationSchema, interruption: interruptionSchema.nullable() }),
)

const stop = createRoute({
  method: 'post',
  path: `${path}/stop`,
  tags,
  summary: 'Stop a service; it stays stopped until it is started, whatever is deployed meanwhile',
  middleware: requires('admin'),
  request: { params: oneService, headers: onceHeaders },
  responses: { 202: changing, ...writeProblems },
})

const start = createRoute({
  method: 'post',
  path: `${path}/start`,
  tags,
  summary: 'Start a service that is stopped: of an environment as its live release has it',
  middleware: requires('admin'),
  request: { params: oneService, headers: onceHeaders },
  responses: { 202: changing, ...writeProblems },
})

const restart = createRoute({
  method: 'post',
  path: `${path}/restart`,
  tags,
  summary: 'Restart a service',
  description: 'Of an environment without an outage; a standalone service is away for a moment, as `interruption` says.',
  middleware: requires('deployer'),
  request: { params: oneService, headers: onceHeaders },
  responses: { 202: changing, ...writeProblems },
})

const remove = createRoute({
  method: 'delete',
  path,
  tags,
  summary: 'Remove a service that nobody needs; its volumes are kept until they are deleted by name',
  description: 'Problems: service_in_use names who uses it; primary_service, scheduler_target.',
  middleware: requires('admin'),
  request: { params: oneService, query: removalQuery },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

type Change = 'stop' | 'start' | 'restart'

export function serviceLifeRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(stop, async (c) => {
      const { body, status, headers } = await requestChange(deps, c, await serviceIn(deps, c, c.req.valid('param').serviceId), 'stop')
      return c.json(body, status, headers)
    })

    .openapi(start, async (c) => {
      const { body, status, headers } = await requestChange(deps, c, await serviceIn(deps, c, c.req.valid('param').serviceId), 'start')
      return c.json(body, status, headers)
    })

    .openapi(restart, async (c) => {
      const { body, status, headers } = await requestChange(deps, c, await serviceIn(deps, c, c.req.valid('param').serviceId), 'restart')
      return c.json(body, status, headers)
    })

    .openapi(remove, async (c) => {
      const isForced = c.req.valid('query').force === 'true'
      const service = await serviceToRemove(deps, c, c.req.valid('param').serviceId)
      const { body, status, headers } = await commit(deps, c, async (tx) => {
        const refusal = removalRefusal(service.name, await usesOfService(tx, service.id))
        if (refusal) throw refusedBy(refusal)
        const target = { kind: 'service_remove', targetType: 'service', targetId: service.id, name: service.name } as const
        return requestRemoval(deps, tx, c, { ...target, isForced, locks: await locksOfService(tx, service.id) })
      })
      return c.json(body, status, headers)
    })
}

async function requestChange(deps: ApiDependencies, c: ApiContext, service: Service, change: Change) {
  const { id, name, environmentId, category, processRoles: stored } = service
  refuse(service, change)
  return commit(deps, c, async (tx) => {
    const role = processRoles.find((known) => known === stored[0]) ?? null
    const isOfEnvironment = environmentId !== null
    const message = change === 'start' ? null : interruptionBy(change, { name, category, role, isOfEnvironment })
    const operation = await requestOperation(tx, {
      ...requestedBy(c),
      ...{ kind: `service_${change}`, targetType: 'service', targetId: id, summary: `${change} ${name}` },
      locks: await locksOfService(tx, id),
    })
    const interruption = message === null ? null : { message, environments: await environmentsThatNotice(tx, id) }
    return {
      ...acceptedWith(deps, operation, { service: presentService(service), interruption }),
      event: { action: `service.${change}_requested`, targetType: 'service', targetId: id, details: { name } },
    }
  })
}

/** Throws a 409 where the service is not in a state for it. */
function refuse({ name, status, driverName, config }: Service, change: Change): void {
  if (status === 'new') throw new Problem(409, 'service_not_deployed', `${name} has not been deployed yet: deploy it first.`)
  if (change === 'start' && status !== 'stopped') throw new Problem(409, 'service_not_stopped', `${name} is not stopped, so there is nothing to start.`)
  if (change !== 'restart') return
  if (status === 'stopped') throw new Problem(409, 'service_stopped', `${name} is stopped: start it instead.`)
  if (serviceDriver(driverName).configured(config).image.from === 'none') {
    throw new Problem(409, 'nothing_to_restart', `${name} has no process of its own that could be restarted.`)
  }
}
