import { createHash } from 'node:crypto'
import { createMiddleware } from 'hono/factory'
import { type Answer, type OnceRequest, storedAnswer } from '../db/idempotency.ts'
import type { Database } from '../db/connect.ts'
import type { OrganisationId } from '../domain/ids.ts'
import type { ApiContext, ApiDependencies, ApiEnv } from './context.ts'
import { Problem } from './problem.ts'

/** A second request with the same key waited for the first: its answer is the answer. */
export class AlreadyAnswered extends Error {
  override readonly name = 'AlreadyAnswered'
  readonly answer: Answer

  constructor(answer: Answer) {
    super('the request was answered before')
    this.answer = answer
  }
}

/** Answers a POST whose Idempotency-Key was used before as it was answered then. */
export const once = ({ db }: ApiDependencies) =>
  createMiddleware<ApiEnv>(async (c, next) => {
    const request = await onceRequest(c, c.var.organisation.id)
    c.set('once', request)
    if (request) await refuseRepeated(db, request)
    await next()
  })

/** The request's Idempotency-Key with the hash of caller, method, path and body. Null where it has none. */
export async function onceRequest(c: ApiContext, organisationId: OrganisationId): Promise<OnceRequest | null> {
  const key = c.req.header('idempotency-key')
  if (c.req.method !== 'POST' || !key) return null
  const { userId, tokenId } = c.var.actor
  const parts = [userId ?? tokenId, c.req.method, c.req.path, await c.req.text()]
  return { organisationId, key, hash: createHash('sha256').update(JSON.stringify(parts)).digest('hex') }
}

/** Throws AlreadyAnswered where the request was answered before, and a 422 where its key belongs to another one. */
export async function refuseRepeated(db: Database, request: OnceRequest): Promise<void> {
  const before = await storedAnswer(db, request)
  if (!before) return
  if (before.requestHash === request.hash) throw new AlreadyAnswered(before)
  throw new Problem(422, 'idempotency_key_reused', 'This Idempotency-Key was used for another request: choose a new one.', {
    errors: [{ field: 'idempotency-key', message: 'was used for another request' }],
  })
}
