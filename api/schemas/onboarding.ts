import { z } from '@hono/zod-openapi'
import { onboardingStates, onboardingSteps } from '../../domain/onboarding-step.ts'
import { environmentIdSchema } from './fields.ts'
import { readyRequestSchema } from './warning.ts'

export const onboardingQuery = z.strictObject({
  environmentId: environmentIdSchema.optional().openapi({ description: 'The environment that is meant. Left out: the one that is furthest along.' }),
})

const requestSchema = readyRequestSchema
  .extend({ yours: z.array(z.string()).openapi({ description: 'Fields of the body of which only you know what they really are: they have examples.' }) })
  .openapi('OnboardingRequest')

const stepName = z.enum(onboardingSteps)

const stepSchema = z
  .object({
    name: stepName,
    state: z.enum(onboardingStates).openapi({ description: '`in_progress`: an operation is at it, wait. `blocked`: another step comes before.' }),
    isOptional: z.boolean(),
    message: z.string(),
    blockedBy: stepName.nullable(),
    requests: z.array(requestSchema).openapi({ description: 'What can be asked for now, the advisable first.' }),
  })
  .openapi('OnboardingStep')

export const onboardingSchema = z
  .object({
    applicationId: z.uuid().nullable(),
    environmentId: z.uuid().nullable(),
    isComplete: z.boolean().openapi({ description: 'Whether everything is done that is not optional, the deployment among it.' }),
    next: z.object({ step: stepName, request: requestSchema }).nullable().openapi({ description: 'Null: there is nothing to do, or something to wait for.' }),
    steps: z.array(stepSchema),
  })
  .openapi('Onboarding')
