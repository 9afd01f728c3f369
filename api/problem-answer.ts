import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Answer } from '../db/idempotency.ts'
import { DnsError } from '../drivers/dns/resolver.ts'
import { ProviderError } from '../drivers/providers/errors.ts'
import { RegistryError } from '../drivers/registries/errors.ts'
import { SourceError } from '../drivers/sources/errors.ts'
import { keyFingerprint } from '../drivers/sources/known-hosts.ts'
import { WebhookError } from '../drivers/sources/webhooks/errors.ts'
import { SshError } from '../drivers/ssh/errors.ts'
import type { ApiEnv } from './context.ts'
import { AlreadyAnswered } from './once.ts'
import { Problem, type ProblemStatus, unsupportedContentType } from './problem.ts'
import { takenProblem } from './taken.ts'

const titles: Readonly<Record<ProblemStatus, string>> = {
  400: 'Malformed request',
  401: 'Not authenticated',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict with the present state',
  410: 'Gone',
  413: 'Request too large',
  415: 'Unsupported content type',
  422: 'Invalid input',
  429: 'Too many requests',
  500: 'Internal error',
  503: 'Not ready',
}

/** Answers any error as problem+json; what is not the caller's is logged whole and told without details. */
export function answerError(error: unknown, c: Context<ApiEnv>): Response {
  if (error instanceof AlreadyAnswered) return repeated(error.answer, c.var.requestId)
  const problem = problemOf(error)
  if (!problem) c.var.log.error({ err: error }, 'request failed')
  const { status, code, detail, errors, members, headers } = problem ?? internal(c.var.requestId)
  const document = { type: 'about:blank', title: titles[status], status, detail, code, errors, ...members }
  return c.json(document, status, { ...headers, 'content-type': 'application/problem+json' })
}

function repeated({ status, content, headers }: Answer, requestId: string): Response {
  return Response.json(content, { status, headers: { ...headers, 'idempotency-replayed': 'true', 'x-request-id': requestId } })
}

function problemOf(error: unknown): Problem | null {
  if (error instanceof Problem) return error
  if (error instanceof SourceError) return sourceProblem(error)
  if (error instanceof RegistryError) return registryProblem(error)
  if (error instanceof ProviderError) return providerProblem(error)
  if (error instanceof WebhookError) return new Problem(error.status, error.code, error.message)
  if (error instanceof DnsError) return new Problem(503, 'dns_unavailable', `${error.message}: try again.`)
  if (error instanceof SshError) {
    return new Problem(422, error.code, error.message, { errors: [{ field: 'address', message: error.message }] })
  }
  if (error instanceof HTTPException) return exceptionProblem(error)
  return takenProblem(error)
}

const internal = (requestId: string): Problem =>
  new Problem(500, 'internal_error', `Keystone failed to answer. Its log has the cause under request ${requestId}.`)

function sourceProblem({ code, field, message, seenHostKey }: SourceError): Problem {
  const members = seenHostKey === null ? {} : { hostKey: seenHostKey, fingerprint: keyFingerprint(seenHostKey) }
  return new Problem(seenHostKey === null ? 422 : 409, code, message, { errors: [{ field, message }], members })
}

function registryProblem({ code, field, message, retryAfterSeconds }: RegistryError): Problem {
  const errors = [{ field, message }]
  return new Problem(422, code, message, retryAfterSeconds === null ? { errors } : { errors, headers: { 'retry-after': `${retryAfterSeconds}` } })
}

function providerProblem({ code, field, message, retryAfterSeconds }: ProviderError): Problem {
  const errors = field === null ? [] : [{ field, message }]
  return new Problem(422, code, message, retryAfterSeconds === null ? { errors } : { errors, headers: { 'retry-after': `${retryAfterSeconds}` } })
}

/** Hono's own findings about a request. */
function exceptionProblem({ status, message }: HTTPException): Problem | null {
  if (status === 415) return unsupportedContentType()
  if (status === 400) return new Problem(400, 'malformed_request', `${message}: send one JSON object.`)
  return null
}
