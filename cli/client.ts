import { hc } from 'hono/client'
import type { z } from 'zod'
import type { applicationRoutes } from '../api/routes/applications.ts'
import type { commandRoutes } from '../api/routes/commands.ts'
import type { deploymentRoutes } from '../api/routes/deployments.ts'
import type { environmentServiceRoutes } from '../api/routes/environment-services.ts'
import type { environmentRoutes } from '../api/routes/environments.ts'
import type { onboardingRoutes } from '../api/routes/onboarding.ts'
import type { operationLogRoutes } from '../api/routes/operation-logs.ts'
import type { operationRoutes } from '../api/routes/operations.ts'
import type { planRoutes } from '../api/routes/plans.ts'
import type { releaseRoutes } from '../api/routes/releases.ts'
import type { rollbackRoutes } from '../api/routes/rollbacks.ts'
import type { runtimeLogRoutes } from '../api/routes/runtime-logs.ts'
import type { serverRoutes } from '../api/routes/servers.ts'
import type { serviceRoutes } from '../api/routes/services.ts'
import type { sessionRoutes } from '../api/routes/sessions.ts'
import type { userRoutes } from '../api/routes/user.ts'
import type { variableImportRoutes } from '../api/routes/variable-imports.ts'
import type { variableRoutes } from '../api/routes/variables.ts'
import type { logPageSchema } from '../api/schemas/log.ts'
import type { onboardingSchema } from '../api/schemas/onboarding.ts'
import type { operationSchema, operationTreeSchema } from '../api/schemas/operation.ts'
import type { planSchema } from '../api/schemas/plan.ts'
import type { runtimeLogsSchema } from '../api/schemas/runtime-log.ts'

interface Connection {
  /** Where the API is, such as `https://keystone.example.com`. */
  url: string
  /** Null: nobody is logged in. */
  token: string | null
  fetch?: typeof fetch
}

/**
 * The API, typed by the very routes that answer: types alone are imported, nothing of the API comes into the program. A client
 * per resource, since one of all routes takes the compiler long.
 */
export function createClient({ url, token, fetch }: Connection) {
  const options = { ...(token === null ? {} : { headers: { authorization: `Bearer ${token}` } }), ...(fetch ? { fetch } : {}) }
  return {
    session: hc<ReturnType<typeof sessionRoutes>>(url, options),
    user: hc<ReturnType<typeof userRoutes>>(url, options).user,
    onboarding: hc<ReturnType<typeof onboardingRoutes>>(url, options).organisations[':organisationId'].onboarding,
    servers: hc<ReturnType<typeof serverRoutes>>(url, options).organisations[':organisationId'].servers,
    applications: hc<ReturnType<typeof applicationRoutes>>(url, options).organisations[':organisationId'].applications,
    environments: hc<ReturnType<typeof environmentRoutes>>(url, options).organisations[':organisationId'].environments,
    services: hc<ReturnType<typeof serviceRoutes>>(url, options).organisations[':organisationId'].services,
    operations: hc<ReturnType<typeof operationRoutes>>(url, options).organisations[':organisationId'].operations,
    output: hc<ReturnType<typeof operationLogRoutes>>(url, options).organisations[':organisationId'].operations[':operationId'],
    ...ofEnvironment(url, options),
  }
}

function ofEnvironment(url: string, options: Parameters<typeof hc>[1]) {
  return {
    deployments: hc<ReturnType<typeof deploymentRoutes>>(url, options).organisations[':organisationId'].environments[':environmentId'].deployments,
    rollbacks: hc<ReturnType<typeof rollbackRoutes>>(url, options).organisations[':organisationId'].environments[':environmentId'].rollbacks,
    releases: hc<ReturnType<typeof releaseRoutes>>(url, options).organisations[':organisationId'].environments[':environmentId'].releases,
    commands: hc<ReturnType<typeof commandRoutes>>(url, options).organisations[':organisationId'].environments[':environmentId'].commands,
    logs: hc<ReturnType<typeof runtimeLogRoutes>>(url, options).organisations[':organisationId'].environments[':environmentId'].logs,
    ownServices: hc<ReturnType<typeof environmentServiceRoutes>>(url, options).organisations[':organisationId'].environments[':environmentId'].services,
    plan: hc<ReturnType<typeof planRoutes>>(url, options).organisations[':organisationId'].environments[':environmentId'].plan,
    variables: hc<ReturnType<typeof variableRoutes>>(url, options).organisations[':organisationId'].environments[':environmentId'].variables,
    imports: hc<ReturnType<typeof variableImportRoutes>>(url, options).organisations[':organisationId'].environments[':environmentId']['variable-imports'],
  }
}

export type Client = ReturnType<typeof createClient>
export type Operation = z.output<typeof operationSchema>
/** From the schema: the client's own type of it loses what is recursive. */
export type OperationTree = z.output<typeof operationTreeSchema>
export type Step = OperationTree['steps'][number]
export type LogChunk = z.output<typeof logPageSchema>['items'][number]
export type Plan = z.output<typeof planSchema>
export type RuntimeLogs = z.output<typeof runtimeLogsSchema>
export type RuntimeLine = RuntimeLogs['items'][number]
export type SilentServer = RuntimeLogs['silent'][number]
export type Onboarding = z.output<typeof onboardingSchema>
export type OnboardingStep = Onboarding['steps'][number]
export type OnboardingRequest = OnboardingStep['requests'][number]
