import { createRoute } from '@hono/zod-openapi'
import { locksOfEnvironment } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { refuseUndeployable, versionToDeploy } from '../deployment.ts'
import { applicationIn, environmentIn } from '../in-organisation.ts'
import { accepted, requestedBy } from '../operation-request.ts'
import { body, json, onceHeaders } from '../schemas/content.ts'
import { newDeploymentSchema } from '../schemas/deployment.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneEnvironment } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'

const create = createRoute({
  method: 'post',
  path: '/organisations/{organisationId}/environments/{environmentId}/deployments',
  tags: ['Deployments'],
  summary: 'Deploy an environment',
  middleware: requires('deployer'),
  request: { params: oneEnvironment, headers: onceHeaders, body: body(newDeploymentSchema) },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function deploymentRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(create, async (c) => {
      const wished = c.req.valid('json')
      const environment = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const application = await applicationIn(deps, c, environment.applicationId)
      await refuseUndeployable(deps, environment)
      const { input, label } = await versionToDeploy(deps, { environment, application }, wished)
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        const requested = await requestOperation(tx, {
          ...requestedBy(c),
          kind: 'environment_deploy',
          targetType: 'environment',
          targetId: environment.id,
          summary: `deploy ${environment.name} of ${application.name} @ ${label}`,
          locks: await locksOfEnvironment(tx, environment.id),
          input: { ...input },
        })
        return {
          ...accepted(deps, requested),
          event: {
            ...{ action: 'environment.deploy_requested', targetType: 'environment', targetId: environment.id },
            details: { ...input },
          },
        }
      })
      return c.json(operation, status, headers)
    })
}
