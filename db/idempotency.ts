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

export interface StoredAnswer {
  requestHash: string
  status: number
  body: unknown
}

/** The answer that a key got before. */
export async function storedAnswer(db: Database, { organisationId, key }: OnceRequest): Promise<StoredAnswer | null> {
  const [found] = await db
    .select({ requestHash: idempotencyKeys.requestHash, status: idempotencyKeys.status, body: idempotencyKeys.body })
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.organisationId, organisationId), eq(idempotencyKeys.key, key)))
  return found ?? null
}

/** Keeps a second request with the same key waiting until this transaction has ended. */
export async function lockKey(tx: Database, { organisationId, key }: OnceRequest): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`${organisationId}/${key}`}, 0))`)
}

export async function storeAnswer(tx: Database, request: OnceRequest, answer: { status: number; body: unknown }): Promise<void> {
  const { organisationId, key, hash } = request
  await tx.insert(idempotencyKeys).values({ organisationId, key, requestHash: hash, ...answer })
}
