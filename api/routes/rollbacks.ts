import { createRoute } from '@hono/zod-openapi'
import { locksOfEnvironment } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { refuseUnplaced } from '../deployment.ts'
import { applicationIn, environmentIn } from '../in-organisation.ts'
import { accepted, requestedBy } from '../operation-request.ts'
import { releaseToGoBackTo } from '../rollback.ts'
import { body, json, onceHeaders } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneEnvironment } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'
import { newRollbackSchema } from '../schemas/release.ts'

const create = createRoute({
  method: 'post',
  path: '/organisations/{organisationId}/environments/{environmentId}/rollbacks',
  tags: ['Releases'],
  summary: 'Go back to an earlier release, without a build',
  description:
    'Image, service configuration and user variables are those of the release; what attachments and Keystone itself give is ' +
    'that of today. Variables and configuration that were set since stay set, and the next deployment has them. Migrations are ' +
    'never reverted. Problems: no_earlier_release, release_is_live, release_never_live, image_gone.',
  middleware: requires('deployer'),
  request: { params: oneEnvironment, headers: onceHeaders, body: body(newRollbackSchema) },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function rollbackRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(create, async (c) => {
      const environment = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const application = await applicationIn(deps, c, environment.applicationId)
      await refuseUnplaced(deps, environment)
      const { id: releaseId, number, commitSha } = await releaseToGoBackTo(deps, environment, c.req.valid('json').releaseId)
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        const requested = await requestOperation(tx, {
          ...requestedBy(c),
          kind: 'environment_rollback',
          targetType: 'environment',
          targetId: environment.id,
          summary: `roll back ${environment.name} of ${application.name} to release ${number}${commitSha === null ? '' : ` @ ${commitSha.slice(0, 7)}`}`,
          locks: await locksOfEnvironment(tx, environment.id),
          input: { releaseId, commit: commitSha },
        })
        return {
          ...accepted(deps, requested),
          event: {
            ...{ action: 'environment.rollback_requested', targetType: 'environment', targetId: environment.id },
            details: { releaseId, number, commit: commitSha },
          },
        }
      })
      return c.json(operation, status, headers)
    })
}
