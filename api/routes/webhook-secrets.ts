import { createRoute } from '@hono/zod-openapi'
import { forgetWebhookSecrets, storeWebhookSecret } from '../../db/applications.ts'
import { newWebhookSecret } from '../../db/tokens.ts'
import { deliveriesOf } from '../../db/webhooks.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { applicationIn } from '../in-organisation.ts'
import { applicationSchema, presentApplication } from '../schemas/application.ts'
import { json, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { oneApplication } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { deliverySchema, presentDelivery, webhookSecretSchema } from '../schemas/webhook.ts'

const path = '/organisations/{organisationId}/applications/{applicationId}'
const tags = ['Applications']

const make = createRoute({
  method: 'put',
  path: `${path}/webhook-secret`,
  tags,
  summary: 'Make a secret for the webhook at the git host; it is shown this once',
  description: 'Each call makes another one. The one of before counts until the first delivery that is signed with the new one.',
  middleware: requires('admin'),
  request: { params: oneApplication },
  responses: { 200: json('The secret', webhookSecretSchema), ...writeProblems },
})

const forget = createRoute({
  method: 'delete',
  path: `${path}/webhook-secret`,
  tags,
  summary: 'Take no deliveries any more: every secret is forgotten',
  middleware: requires('admin'),
  request: { params: oneApplication },
  responses: { 200: json('The application', applicationSchema), ...writeProblems },
})

const list = createRoute({
  method: 'get',
  path: `${path}/webhook-deliveries`,
  tags,
  summary: 'What the git host has told of, newest first, and what came of it',
  description: 'Those of the last 30 days. What was not signed is not among them.',
  middleware: requires('viewer'),
  request: { params: oneApplication, query: pageQuery },
  responses: { 200: json('A page of deliveries', pageOf(deliverySchema)), ...readProblems },
})

/** The secret that pushes are signed with, and what was told of them. */
export function webhookSecretRoutes(deps: ApiDependencies) {
  const { db, keyring } = deps
  return createRouter()
    .openapi(make, async (c) => {
      const { id } = await applicationIn(deps, c, c.req.valid('param').applicationId)
      const secret = newWebhookSecret()
      const { body, status, headers } = await commit(deps, c, async (tx) => {
        const { webhook } = presentApplication(await storeWebhookSecret(tx, keyring, id, secret))
        const state = webhook.state === 'rotating' ? ('rotating' as const) : ('ready' as const)
        return {
          status: 200,
          body: { path: webhook.path, secret: secret.reveal(), state },
          event: { action: 'application.webhook_secret_made', targetType: 'application', targetId: id },
        }
      })
      return c.json(body, status, headers)
    })

    .openapi(forget, async (c) => {
      const { id } = await applicationIn(deps, c, c.req.valid('param').applicationId)
      const { body, status, headers } = await commit(deps, c, async (tx) => ({
        status: 200,
        body: presentApplication(await forgetWebhookSecrets(tx, id)),
        event: { action: 'application.webhook_secrets_forgotten', targetType: 'application', targetId: id },
      }))
      return c.json(body, status, headers)
    })

    .openapi(list, async (c) => {
      const { id } = await applicationIn(deps, c, c.req.valid('param').applicationId)
      return c.json(presented(await deliveriesOf(db, id, c.req.valid('query')), presentDelivery), 200)
    })
}
