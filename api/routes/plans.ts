import { createRoute, type z } from '@hono/zod-openapi'
import { dryRun } from '../../activities/dry-run.ts'
import type { Environment } from '../../db/environments.ts'
import { isRollout } from '../../domain/operations.ts'
import { requires } from '../authentication.ts'
import { type ApiContext, type ApiDependencies, createRouter } from '../context.ts'
import { refuseUndeployable, refuseUnplaced, versionToDeploy } from '../deployment.ts'
import { applicationIn, environmentIn, operationIn } from '../in-organisation.ts'
import { invalidField, notFound, refusedBy } from '../problem.ts'
import { json } from '../schemas/content.ts'
import { oneEnvironment, oneOperation } from '../schemas/params.ts'
import { planQuery, planSchema, presentPlan } from '../schemas/plan.ts'
import { readProblems, refusableProblems } from '../schemas/problem.ts'

const show = createRoute({
  method: 'get',
  path: '/organisations/{organisationId}/environments/{environmentId}/plan',
  tags: ['Deployments'],
  summary: 'What a deployment or a configuration change would do, service by service, and why',
  description: 'Computed by what the operation itself executes; nothing is changed. Refused for the reasons for which that would be.',
  middleware: requires('deployer'),
  request: { params: oneEnvironment, query: planQuery },
  responses: { 200: json('The plan', planSchema), ...refusableProblems },
})

const executed = createRoute({
  method: 'get',
  path: '/organisations/{organisationId}/operations/{operationId}/plan',
  tags: ['Operations'],
  summary: 'What a deployment, a rollback or a configuration change does, as it was planned when it began',
  middleware: requires('viewer'),
  request: { params: oneOperation },
  responses: { 200: json('The plan', planSchema), ...readProblems },
})

export function planRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(show, async (c) => {
      const wished = c.req.valid('query')
      const environment = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const input = await inputOf(deps, c, { environment, wished })
      const imagined = await dryRun(deps, { kind: wished.kind, environmentId: environment.id, input })
      if ('refusal' in imagined) throw refusedBy(imagined.refusal)
      const { plan, ...given } = imagined
      return c.json(presentPlan(plan, { kind: wished.kind, ...given }), 200)
    })

    .openapi(executed, async (c) => {
      const { plan, kind } = await operationIn(deps, c, c.req.valid('param').operationId)
      if (!plan || !isRollout(kind)) throw notFound('plan')
      return c.json(presentPlan(plan, { kind }), 200)
    })
}

interface Imagined {
  environment: Environment
  wished: z.output<typeof planQuery>
}

/** What the operation would be requested with. Throws as the request itself would. */
async function inputOf(deps: ApiDependencies, c: ApiContext, { environment, wished }: Imagined): Promise<Record<string, unknown>> {
  const { kind, ...version } = wished
  if (kind === 'config_change') {
    const [field] = Object.keys(version)
    if (field) throw invalidField(field, 'is for environment_deploy alone: a configuration change keeps the image of the live release')
    await refuseUnplaced(deps, environment)
    return {}
  }
  await refuseUndeployable(deps, environment)
  const application = await applicationIn(deps, c, environment.applicationId)
  const { input } = await versionToDeploy(deps, { environment, application }, version)
  return { ...input }
}
