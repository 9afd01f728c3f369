import { z } from '@hono/zod-openapi'
import type { Delivery, PushResult } from '../../db/webhooks.ts'
import { webhookProviders } from '../../domain/pushes.ts'
import type { Received } from '../push-delivery.ts'
import { moment } from './fields.ts'

const reasonSchema = z.object({ code: z.string(), message: z.string() })

const resultSchema = z.object({
  environmentId: z.uuid(),
  environmentName: z.string(),
  state: z.enum(['pending', 'requested', 'ignored']).openapi({ description: 'pending: the deployment is about to be requested.' }),
  operationId: z.uuid().nullable().openapi({ description: 'The deployment that was requested; pushes that come at once share one.' }),
  reason: reasonSchema.nullable().openapi({ description: 'Why none was.' }),
})

export const webhookSecretSchema = z
  .object({
    path: z.string().openapi({ description: 'Behind the address at which the git host reaches Keystone.' }),
    secret: z.string().openapi({ description: 'Give it to the webhook at the git host; it is shown this once.' }),
    state: z.enum(['ready', 'rotating']).openapi({ description: 'rotating: the secret of before counts until the first delivery that is signed with this one.' }),
  })
  .openapi('WebhookSecret')

export const deliverySchema = z
  .object({
    id: z.uuid(),
    provider: z.enum(webhookProviders),
    event: z.string(),
    deliveryId: z.string().nullable().openapi({ description: "The git host's own name for it." }),
    ref: z.string().nullable(),
    before: z.string().nullable(),
    after: z.string().nullable(),
    reason: reasonSchema.nullable().openapi({ description: 'Why no environment was looked at.' }),
    environments: z.array(resultSchema),
    receivedAt: moment,
    settledAt: moment.nullable().openapi({ description: 'When it was known what came of it; null as long as anything is pending.' }),
    repeats: z.int().openapi({ description: 'How often the same has come since; that started nothing.' }),
    repeatedAt: moment.nullable(),
  })
  .openapi('WebhookDelivery')

export function presentDelivery(delivery: Delivery): z.infer<typeof deliverySchema> {
  const { id, provider, event, deliveryId, ref, before, after, reason, results, receivedAt, settledAt, repeats, repeatedAt } = delivery
  return {
    ...{ id, provider, event, deliveryId, ref, before, after, reason, repeats, environments: results.map(presentResult) },
    receivedAt: receivedAt.toISOString(),
    settledAt: settledAt && settledAt.toISOString(),
    repeatedAt: repeatedAt && repeatedAt.toISOString(),
  }
}

function presentResult({ environmentId, environmentName, operationId, reason, version }: PushResult): z.infer<typeof resultSchema> {
  const state = version ? 'pending' : operationId === null ? 'ignored' : 'requested'
  return { environmentId, environmentName, state, operationId, reason }
}

/** What a git host is answered: 202 where something is to be deployed. */
export function presentReceived({ id, event, isRepeated, reason, results }: Received) {
  const environments = results.map(presentResult)
  const isAccepted = !isRepeated && environments.some(({ state }) => state === 'pending')
  return { status: isAccepted ? (202 as const) : (200 as const), body: { id, event, isRepeated, reason, environments } }
}
