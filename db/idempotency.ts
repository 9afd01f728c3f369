import { and, eq, sql } from 'drizzle-orm'
import type { OrganisationId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { idempotencyKeys } from './schema/index.ts'

/** A request that is to have one effect however often it is sent; the hash is over everything that makes it the same request. */
export interface OnceRequest {
  organisationId: OrganisationId
  key: string
  hash: string
}

/** An HTTP answer as it was given, so that it can be given again. */
export interface Answer {
  status: number
  content: unknown
  headers: Record<string, string>
}

/** The answer that a key got before, with the hash of the request that got it. */
export async function storedAnswer(
  db: Database,
  { organisationId, key }: OnceRequest,
): Promise<(Answer & { requestHash: string }) | null> {
  const { requestHash, status, body } = idempotencyKeys
  const [found] = await db
    .select({ requestHash, status, body: sql<Omit<Answer, 'status'>>`${body}` })
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.organisationId, organisationId), eq(idempotencyKeys.key, key)))
  return found ? { requestHash: found.requestHash, status: found.status, ...found.body } : null
}

/** Keeps a second request with the same key waiting until this transaction has ended. */
export async function lockKey(tx: Database, { organisationId, key }: OnceRequest): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`${organisationId}/${key}`}, 0))`)
}

/** Keeps the answer of a request; call it in the transaction of what the request changed. */
export async function storeAnswer(
  tx: Database,
  { organisationId, key, hash }: OnceRequest,
  { status, ...body }: Answer,
): Promise<void> {
  await tx.insert(idempotencyKeys).values({ organisationId, key, requestHash: hash, status, body })
}
