import { createRoute } from '@hono/zod-openapi'
import type { Environment } from '../../db/environments.ts'
import { locksOfEnvironment } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { serviceOf } from '../../db/services.ts'
import { commandLabel, commandRefusal } from '../../domain/commands.ts'
import type { ServiceId } from '../../domain/ids.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { refuseUnplaced } from '../deployment.ts'
import { applicationIn, environmentIn } from '../in-organisation.ts'
import { accepted, requestedBy } from '../operation-request.ts'
import { invalidField, refusedBy } from '../problem.ts'
import { newCommandSchema } from '../schemas/command.ts'
import { body, json, onceHeaders } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneEnvironment } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'

const create = createRoute({
  method: 'post',
  path: '/organisations/{organisationId}/environments/{environmentId}/commands',
  tags: ['Deployments'],
  summary: 'Run a command with what is live, in a container of its own',
  description:
    'It has the image of the live release, and the variables, networks and volumes of the service. Its output is the log of the step ' +
    '`command`. It succeeds with exit code 0; with another one it fails, and failure.exitCode has it. Nothing runs it again by itself: ' +
    'where it was lost, failure.code is outcome_unknown. Deployments of the environment wait until it has ended. Problems: not_deployed.',
  // Its output can be any of the environment's secrets, and its effect any change of the data: more than a deployment may bring.
  middleware: requires('admin'),
  request: { params: oneEnvironment, headers: onceHeaders, body: body(newCommandSchema) },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function commandRoutes(deps: ApiDependencies) {
  return createRouter().openapi(create, async (c) => {
    const wished = c.req.valid('json')
    const environment = await environmentIn(deps, c, c.req.valid('param').environmentId)
    const application = await applicationIn(deps, c, environment.applicationId)
    if (wished.serviceId !== undefined) await refuseForeign(deps, environment, wished.serviceId)
    const refusal = commandRefusal({ environment: environment.name, isDeployed: environment.currentReleaseId !== null })
    if (refusal) throw refusedBy(refusal)
    await refuseUnplaced(deps, environment)
    const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
      const requested = await requestOperation(tx, {
        ...requestedBy(c),
        kind: 'command_run',
        targetType: 'environment',
        targetId: environment.id,
        summary: `run ${commandLabel(wished.command)} in ${environment.name} of ${application.name}`,
        locks: await locksOfEnvironment(tx, environment.id),
        input: wished,
      })
      return {
        ...accepted(deps, requested),
        event: {
          ...{ action: 'environment.command_requested', targetType: 'environment', targetId: environment.id },
          details: { operationId: requested.id, ...wished },
        },
      }
    })
    return c.json(operation, status, headers)
  })
}

async function refuseForeign({ db }: ApiDependencies, { id, name, organisationId }: Environment, serviceId: ServiceId): Promise<void> {
  const service = await serviceOf(db, organisationId, serviceId)
  if (service?.environmentId !== id) throw invalidField('serviceId', `is no service of ${name}`, 'unknown_service')
}
