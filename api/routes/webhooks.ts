import type { OpenAPIHono } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { completeWebhookRotation, type WebhookReceiver, webhookReceiver } from '../../db/webhooks.ts'
import type { ApplicationId } from '../../domain/ids.ts'
import { type Announced, announced, type Delivered, delivered, isSignedWith, told } from '../../drivers/sources/webhooks/delivery.ts'
import { WebhookError } from '../../drivers/sources/webhooks/errors.ts'
import { clientAddress, networkOf } from '../client-address.ts'
import { type ApiContext, type ApiDependencies, type ApiEnv, createRouter } from '../context.ts'
import { Problem } from '../problem.ts'
import { receivePush } from '../push-delivery.ts'
import { createRateLimiter } from '../rate-limit.ts'
import { applicationIdSchema } from '../schemas/fields.ts'
import { presentReceived } from '../schemas/webhook.ts'

/** GitHub sends nothing that is larger. */
const largestPayloadMb = 25

const limitedPayload = bodyLimit({
  maxSize: largestPayloadMb * 1024 * 1024,
  onError: () => {
    throw new Problem(413, 'body_too_large', `The delivery is larger than ${largestPayloadMb} MB, which no git host sends.`)
  },
})

/** Of one application: far more than people push. What is refused for it is found by the look at its branches, where that is on. */
const signedLimit = { burst: 2000, perSecond: 20 }
/** Of one application from one address. */
const refusedLimit = { burst: 60, perSecond: 1 }

/** Where git hosts tell of pushes. It takes no token: the signature says who speaks. It is no part of the API's document. */
export function webhookRoutes(deps: ApiDependencies): OpenAPIHono<ApiEnv> {
  const router = createRouter()
  const signed = createRateLimiter(signedLimit)
  const refused = createRateLimiter(refusedLimit)
  const addressOf = clientAddress(deps)
  /** For which application somebody delivers from where. */
  const senderOf = (c: ApiContext): string => `${c.req.param('applicationId')} ${networkOf(addressOf(c) ?? '')}`

  /** Nothing is read of what nobody has signed, nor where too much has been refused. */
  const unread = createMiddleware<ApiEnv>(async (c, next) => {
    refused.refuseExhausted(senderOf(c))
    announced(c.req.raw.headers)
    await next()
  })

  router.post('/webhooks/:applicationId', unread, limitedPayload, async (c) => {
    const { receiver, heard, content } = await authenticated(deps, c).catch((error: unknown) => {
      if (isIntrusion(error)) refused.take(senderOf(c))
      throw error
    })
    signed.take(receiver.id)
    const { form, event, deliveryId } = heard
    const delivery = {
      ...{ organisationId: receiver.organisationId, applicationId: receiver.id },
      ...{ provider: form.provider, event, deliveryId, bodyHash: content.hash },
    }
    const { status, body } = presentReceived(await receivePush(deps, { receiver, delivery, told: told(heard, content) }))
    return c.json(body, status)
  })

  return router
}

interface Authenticated {
  receiver: WebhookReceiver
  heard: Announced
  content: Delivered
}

/** Takes the body only where somebody could have signed it. Throws WebhookErrors, and a 404 where nothing takes deliveries. */
async function authenticated({ db, keyring }: ApiDependencies, c: ApiContext): Promise<Authenticated> {
  const id = applicationIdSchema.safeParse(c.req.param('applicationId'))
  if (!id.success) throw noReceiver()
  const heard = announced(c.req.raw.headers)
  const receiver = await webhookReceiver(db, keyring, id.data)
  if (!receiver) throw noReceiver()
  const content = delivered(heard, Buffer.from(await c.req.arrayBuffer()))
  if (isSignedWith(receiver.secret, heard, content)) return { receiver, heard, content }
  if (receiver.nextSecret === null || !isSignedWith(receiver.nextSecret, heard, content)) throw wronglySigned(receiver.id)
  await completeWebhookRotation(db, keyring, receiver.id, receiver.nextSecret)
  return { receiver, heard, content }
}

const noReceiver = () =>
  new Problem(404, 'webhook_not_found', 'No application takes deliveries here: check the address, and make a webhook secret for the application.')

const wronglySigned = (id: ApplicationId) =>
  new WebhookError('signature_invalid', `The signature is not made with a secret of application ${id}: give the webhook the secret that Keystone has shown.`)

const isIntrusion = (error: unknown): boolean => (error instanceof Problem || error instanceof WebhookError) && [401, 404].includes(error.status)
