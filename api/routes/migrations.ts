import { createRoute } from '@hono/zod-openapi'
import { locksOfEnvironment } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { refuseUnplaced } from '../deployment.ts'
import { applicationIn, environmentIn } from '../in-organisation.ts'
import { refuseMigration } from '../migration.ts'
import { accepted, requestedBy } from '../operation-request.ts'
import { json, onceHeaders } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneEnvironment } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'

const create = createRoute({
  method: 'post',
  path: '/organisations/{organisationId}/environments/{environmentId}/migrations',
  tags: ['Deployments'],
  summary: 'Run the migration of what is live, in a container of its own',
  description:
    "The command is migration.command of the web service, the image that of the live release. What it has done to the database is never " +
    'taken back. Problems: not_deployed, migrations_disabled, nothing_migrates.',
  middleware: requires('deployer'),
  request: { params: oneEnvironment, headers: onceHeaders },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function migrationRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(create, async (c) => {
      const environment = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const application = await applicationIn(deps, c, environment.applicationId)
      await refuseMigration(deps, environment)
      await refuseUnplaced(deps, environment)
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        const requested = await requestOperation(tx, {
          ...requestedBy(c),
          kind: 'migration_run',
          targetType: 'environment',
          targetId: environment.id,
          summary: `migrate ${environment.name} of ${application.name}`,
          locks: await locksOfEnvironment(tx, environment.id),
        })
        return {
          ...accepted(deps, requested),
          event: { action: 'environment.migration_requested', targetType: 'environment', targetId: environment.id, details: { operationId: requested.id } },
        }
      })
      return c.json(operation, status, headers)
    })
}
