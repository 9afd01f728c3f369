import type { OpenAPIHono } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { createPushNotices } from '../../db/operations/notices.ts'
import { createWebhookIntake, type WebhookIntake, type WebhookReceiver } from '../../db/webhook-intake.ts'
import { completeWebhookRotation } from '../../db/webhooks.ts'
import type { ApplicationId } from '../../domain/ids.ts'
import { type Announced, announced, type Delivered, delivered, isSignedWith, told } from '../../drivers/sources/webhooks/delivery.ts'
import { WebhookError } from '../../drivers/sources/webhooks/errors.ts'
import { clientAddress, networkOf } from '../client-address.ts'
import { type ApiContext, type ApiDependencies, type ApiEnv, createRouter } from '../context.ts'
import { Problem } from '../problem.ts'
import { receivePush } from '../push-delivery.ts'
import { createRateLimiter } from '../rate-limit.ts'
import { createRefusals } from '../refusals.ts'
import { applicationIdSchema } from '../schemas/fields.ts'
import { presentReceived } from '../schemas/webhook.ts'

/** GitHub sends nothing that is larger. */
const largestPayloadMb = 25
const largestPayloadBytes = largestPayloadMb * 1024 * 1024

const countedPayload = bodyLimit({
  maxSize: largestPayloadBytes,
  onError: () => {
    throw new Problem(413, 'body_too_large', `The delivery is larger than ${largestPayloadMb} MB, which no git host sends.`)
  },
})

/** The server takes no more of a body than its length says: others are counted, and copied, as they come. */
const limitedPayload = createMiddleware<ApiEnv>((c, next) => {
  const { headers } = c.req.raw
  const isShort = !headers.has('transfer-encoding') && Number(headers.get('content-length') ?? Infinity) <= largestPayloadBytes
  return isShort ? next() : countedPayload(c, next)
})

/** Of one application: far more than people push. It keeps one from taking this process to itself, so every process counts for itself. */
const signedLimit = { burst: 2000, perSecond: 200 }
/** Of one application from one address, in all processes together: a secret is guessed at as often as it is looked at. */
const refusedLimit = { burst: 60, everySeconds: 1 }

/** Where git hosts tell of pushes. It takes no token: the signature says who speaks. It is no part of the API's document. */
export function webhookRoutes(deps: ApiDependencies): OpenAPIHono<ApiEnv> {
  const router = createRouter()
  const intake = createWebhookIntake(deps.db, deps.keyring)
  const tellOfPush = createPushNotices(deps.db)
  const signed = createRateLimiter(signedLimit)
  const refusals = createRefusals(deps.db, refusedLimit)
  const addressOf = clientAddress(deps)
  /** For which application somebody delivers from where. */
  const senderOf = (c: ApiContext): string => `webhook/${receiverId(c) ?? 'none'}/${networkOf(addressOf(c) ?? '')}`

  /** Nothing is read of what nobody has signed, nor where too much has been refused. */
  const unread = createMiddleware<ApiEnv>(async (c, next) => {
    refusals.refuseExhausted(senderOf(c))
    announced(c.req.raw.headers)
    await next()
  })

  router.post('/webhooks/:applicationId', unread, limitedPayload, async (c) => {
    const { receiver, heard, content } = await authenticated(deps, intake, c).catch(async (error: unknown) => {
      if (isIntrusion(error)) await refusals.count(senderOf(c))
      throw error
    })
    signed.take(receiver.id)
    const { form, event, deliveryId } = heard
    const delivery = { provider: form.provider, event, deliveryId, bodyHash: content.hash }
    const { status, body } = presentReceived(await receivePush(intake, { receiver, delivery, told: told(heard, content) }))
    if (status === 202) tellOfPush()
    return c.json(body, status)
  })

  return router
}

/** Null where no application can have it. */
function receiverId(c: ApiContext): ApplicationId | null {
  const { data = null } = applicationIdSchema.safeParse(c.req.param('applicationId'))
  return data
}

interface Authenticated {
  receiver: WebhookReceiver
  heard: Announced
  content: Delivered
}

/** Takes the body only where somebody could have signed it. Throws WebhookErrors, and a 404 where nothing takes deliveries. */
async function authenticated({ db, keyring }: ApiDependencies, intake: WebhookIntake, c: ApiContext): Promise<Authenticated> {
  const id = receiverId(c)
  if (id === null) throw noReceiver()
  const heard = announced(c.req.raw.headers)
  const receiver = await intake.receiver(id)
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
