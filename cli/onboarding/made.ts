import { z } from 'zod'
import type { Onboarding, OnboardingRequest } from '../client.ts'
import type { CliContext } from '../context.ts'
import { follow } from '../follow.ts'
import type { OrganisationSession } from '../session.ts'

/** Of any answer to a request of onboarding: an operation, or something with one. */
const answerSchema = z.looseObject({
  id: z.string().optional(),
  temporal: z.unknown().optional(),
  operation: z.object({ id: z.string() }).optional(),
  recommendedVariables: z.record(z.string(), z.string()).optional(),
})

interface Wished {
  onboarding: Pick<Onboarding, 'environmentId'>
  request: Pick<OnboardingRequest, 'method' | 'path'>
  body: Record<string, unknown>
}

/**
 * Makes a request of onboarding: what its answer recommends is set, and its operation followed to its end. Throws a CliError where it is
 * refused or does not succeed.
 */
export async function make(context: CliContext, session: OrganisationSession, { onboarding, request, body }: Wished): Promise<void> {
  const { client, ask, param, send } = session
  const answer = answerSchema.parse(await send({ ...request, body }))
  const { recommendedVariables = {}, operation } = answer
  const { environmentId } = onboarding
  const keys = Object.keys(recommendedVariables)
  if (environmentId !== null && keys.length > 0) {
    await ask(client.variables.$patch({ param: { ...param, environmentId }, json: { variables: recommendedVariables } }))
    context.process.stderr.write(`Set, as is recommended with it: ${keys.join(', ')}\n`)
  }
  const operationId = operation?.id ?? (answer.temporal === undefined ? undefined : answer.id)
  if (operationId !== undefined) await follow(context, session, operationId)
}
