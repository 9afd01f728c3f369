import type { OpenAPIHono } from '@hono/zod-openapi'
import { except } from 'hono/combine'
import { dataOnly, unkept } from './answer-headers.ts'
import { authenticated, member } from './authentication.ts'
import { limitedBody, storableBody, typedBody } from './body.ts'
import { type ApiDependencies, type ApiEnv, createRouter } from './context.ts'
import { apiDocument } from './document.ts'
import { createMetrics } from './metrics.ts'
import { once } from './once.ts'
import { methodsAt, nothingHere } from './nothing-here.ts'
import { answerError } from './problem-answer.ts'
import { requestLog } from './request-log.ts'
import { acceptanceRoutes } from './routes/acceptances.ts'
import { applicationRoutes } from './routes/applications.ts'
import { attachmentRoutes } from './routes/attachments.ts'
import { auditRoutes } from './routes/audit.ts'
import { checkRoutes } from './routes/checks.ts'
import { commandRoutes } from './routes/commands.ts'
import { configChangeRoutes } from './routes/config-changes.ts'
import { credentialRotationRoutes } from './routes/credential-rotations.ts'
import { deployKeyRotationRoutes } from './routes/deploy-key-rotations.ts'
import { deploymentRoutes } from './routes/deployments.ts'
import { docsRoutes } from './routes/docs.ts'
import { driftRoutes } from './routes/drift.ts'
import { environmentRoutes } from './routes/environments.ts'
import { environmentServiceRoutes } from './routes/environment-services.ts'
import { gitHostKeyRoutes } from './routes/git-host-keys.ts'
import { invitationRoutes } from './routes/invitations.ts'
import { memberRoutes } from './routes/members.ts'
import { membershipRoutes } from './routes/memberships.ts'
import { migrationRoutes } from './routes/migrations.ts'
import { keptRoutes } from './routes/kept.ts'
import { keyRotationRoutes } from './routes/key-rotations.ts'
import { onboardingRoutes } from './routes/onboarding.ts'
import { operationLogRoutes } from './routes/operation-logs.ts'
import { operationRoutes } from './routes/operations.ts'
import { organisationRoutes } from './routes/organisations.ts'
import { planRoutes } from './routes/plans.ts'
import { processRoutes } from './routes/process.ts'
import { providerRoutes } from './routes/providers.ts'
import { purchaseRoutes } from './routes/purchases.ts'
import { registryRoutes } from './routes/registries.ts'
import { releaseRoutes } from './routes/releases.ts'
import { rollbackRoutes } from './routes/rollbacks.ts'
import { routeRoutes } from './routes/routes.ts'
import { runtimeLogRoutes } from './routes/runtime-logs.ts'
import { serverHealthRoutes } from './routes/server-health.ts'
import { serverRebootRoutes } from './routes/server-reboots.ts'
import { serverRemovalRoutes } from './routes/server-removals.ts'
import { serverRoutes } from './routes/servers.ts'
import { serverUpkeepRoutes } from './routes/server-upkeep.ts'
import { buildRoutes } from './routes/builds.ts'
import { buildSecretRoutes } from './routes/build-secrets.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { serviceLifeRoutes } from './routes/service-life.ts'
import { serviceRoutes } from './routes/services.ts'
import { sliceRoutes } from './routes/slices.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { updateRoutes } from './routes/updates.ts'
import { userRoutes } from './routes/user.ts'
import { userTokenRoutes } from './routes/user-tokens.ts'
import { variableImportRoutes } from './routes/variable-imports.ts'
import { variableRoutes } from './routes/variables.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import { webhookSecretRoutes } from './routes/webhook-secrets.ts'

const resources = [
  sessionRoutes,
  userRoutes,
  userTokenRoutes,
  membershipRoutes,
  acceptanceRoutes,
  organisationRoutes,
  onboardingRoutes,
  memberRoutes,
  invitationRoutes,
  tokenRoutes,
  auditRoutes,
  serverRoutes,
  serverHealthRoutes,
  serverUpkeepRoutes,
  driftRoutes,
  serverRebootRoutes,
  serverRemovalRoutes,
  providerRoutes,
  purchaseRoutes,
  gitHostKeyRoutes,
  registryRoutes,
  applicationRoutes,
  deployKeyRotationRoutes,
  webhookSecretRoutes,
  environmentRoutes,
  environmentServiceRoutes,
  checkRoutes,
  serviceRoutes,
  updateRoutes,
  sliceRoutes,
  serviceLifeRoutes,
  keptRoutes,
  buildRoutes,
  attachmentRoutes,
  credentialRotationRoutes,
  routeRoutes,
  variableRoutes,
  buildSecretRoutes,
  variableImportRoutes,
  deploymentRoutes,
  configChangeRoutes,
  planRoutes,
  releaseRoutes,
  rollbackRoutes,
  migrationRoutes,
  commandRoutes,
  runtimeLogRoutes,
  keyRotationRoutes,
  operationRoutes,
  operationLogRoutes,
]

/** The whole API; test it with `app.request`. */
export function createApp(deps: ApiDependencies): OpenAPIHono<ApiEnv> {
  const app = createRouter()
  const metrics = createMetrics(deps)
  app.use(requestLog(deps, metrics), except('/docs/*', dataOnly, unkept))
  app.use(except('/webhooks/*', limitedBody, typedBody, storableBody))
  app.use('/organisations/*', authenticated(deps))
  app.use('/user/*', authenticated(deps))
  app.use('/organisations/:organisationId/*', member(deps), once(deps))
  for (const routes of resources) app.route('/', routes(deps))
  app.route('/', webhookRoutes(deps)).route('/', processRoutes(deps, metrics)).route('/', docsRoutes(apiDocument(app)))
  app.notFound((c) => answerError(nothingHere(methodsAt(app.routes, c.req.path)), c))
  app.onError(answerError)
  return app
}
