import { z } from '@hono/zod-openapi'
import type { Delivery } from '../../db/webhooks.ts'
import { webhookProviders } from '../../domain/pushes.ts'
import type { Received } from '../push-delivery.ts'
import { moment } from './fields.ts'

const reasonSchema = z.object({ code: z.string(), message: z.string() })

const resultSchema = z.object({
  environmentId: z.uuid(),
  environmentName: z.string(),
  operationId: z.uuid().nullable().openapi({ description: 'The deployment that was requested.' }),
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
    repeats: z.int().openapi({ description: 'How often the same has come since; that started nothing.' }),
    repeatedAt: moment.nullable(),
  })
  .openapi('WebhookDelivery')

export function presentDelivery(delivery: Delivery): z.infer<typeof deliverySchema> {
  const { id, provider, event, deliveryId, ref, before, after, reason, results, receivedAt, repeats, repeatedAt } = delivery
  return {
    ...{ id, provider, event, deliveryId, ref, before, after, reason, repeats, environments: results },
    receivedAt: receivedAt.toISOString(),
    repeatedAt: repeatedAt && repeatedAt.toISOString(),
  }
}

/** What a git host is answered: 202 where something was started. */
export function presentReceived({ id, event, isRepeated, reason, results }: Received) {
  const hasStarted = !isRepeated && results.some(({ operationId }) => operationId !== null)
  return { status: hasStarted ? (202 as const) : (200 as const), body: { id, event, isRepeated, reason, environments: results } }
}
