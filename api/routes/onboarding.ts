import { createRoute } from '@hono/zod-openapi'
import { nextOf, onboarding } from '../../domain/onboarding.ts'
import { requires } from '../authentication.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { environmentIn } from '../in-organisation.ts'
import { onboardingFacts } from '../onboarding.ts'
import { json } from '../schemas/content.ts'
import { onboardingQuery, onboardingSchema } from '../schemas/onboarding.ts'
import { inOrganisation } from '../schemas/params.ts'
import { readProblems } from '../schemas/problem.ts'

const read = createRoute({
  method: 'get',
  path: '/organisations/{organisationId}/onboarding',
  tags: ['Organisations'],
  summary: 'How far it is to an application that runs, and the request to make next',
  description: 'The eight steps and the deployment: their state, what is in the way of each, and requests that would be accepted as they are.',
  middleware: requires('viewer'),
  request: { params: inOrganisation, query: onboardingQuery },
  responses: { 200: json('Every step, in order', onboardingSchema), ...readProblems },
})

export function onboardingRoutes(deps: ApiDependencies) {
  return createRouter().openapi(read, async (c) => {
    const { environmentId } = c.req.valid('query')
    if (environmentId !== undefined) await environmentIn(deps, c, environmentId)
    const facts = await onboardingFacts(deps, { organisationId: c.var.organisation.id, environmentId })
    const steps = onboarding(facts)
    return c.json(
      {
        applicationId: facts.application?.id ?? null,
        environmentId: facts.environment?.id ?? null,
        isComplete: steps.every(({ isOptional, state }) => isOptional || state === 'done'),
        next: nextOf(steps),
        steps,
      },
      200,
    )
  })
}
