import { createRoute } from '@hono/zod-openapi'
import { locksOfEnvironment } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { notDeployed } from '../../domain/releases.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { refuseUnplaced } from '../deployment.ts'
import { applicationIn, environmentIn } from '../in-organisation.ts'
import { accepted, requestedBy } from '../operation-request.ts'
import { refusedBy } from '../problem.ts'
import { json, onceHeaders } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneEnvironment } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'

const create = createRoute({
  method: 'post',
  path: '/organisations/{organisationId}/environments/{environmentId}/config-changes',
  tags: ['Deployments'],
  summary: 'Roll out variables, limits, process settings and placements, without a build',
  description:
    'The image is that of the live release, nothing is migrated. Services that would come out the same stay exactly as they are; ' +
    'the outcome is unchanged where all of them do. It makes a release, to which and from which one can go back. Problems: not_deployed.',
  middleware: requires('deployer'),
  request: { params: oneEnvironment, headers: onceHeaders },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function configChangeRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(create, async (c) => {
      const environment = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const application = await applicationIn(deps, c, environment.applicationId)
      if (environment.currentReleaseId === null) throw refusedBy(notDeployed(environment.name))
      await refuseUnplaced(deps, environment)
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        const requested = await requestOperation(tx, {
          ...requestedBy(c),
          kind: 'config_change',
          targetType: 'environment',
          targetId: environment.id,
          summary: `change the configuration of ${environment.name} of ${application.name}`,
          locks: await locksOfEnvironment(tx, environment.id),
        })
        return {
          ...accepted(deps, requested),
          event: { action: 'environment.config_change_requested', targetType: 'environment', targetId: environment.id },
        }
      })
      return c.json(operation, status, headers)
    })
}
