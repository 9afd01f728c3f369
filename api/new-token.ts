import { issueToken, tokenOf, type TokenOwner, type TokenWish } from '../db/api-tokens.ts'
import type { Database } from '../db/connect.ts'
import { presentToken } from './schemas/token.ts'

const dayInSeconds = 86_400

/** The same wish, its lifetime in days. */
export type TokenWishInDays = Omit<TokenWish, 'lifetimeSeconds'> & { expiresInDays: number | null }

/** Makes a token, as it is answered and audited; only the very first answer has its text. */
export async function makeToken(tx: Database, owner: TokenOwner, { expiresInDays, ...wish }: TokenWishInDays) {
  const { id, text } = await issueToken(tx, { ...wish, lifetimeSeconds: expiresInDays && expiresInDays * dayInSeconds })
  const made = await tokenOf(tx, owner, id)
  if (!made) throw new Error('the token was not stored')
  const { prefix, name, scopes, expiresAt } = made
  const details = { name, prefix, kind: wish.kind, scopes, organisationId: wish.organisationId ?? null, expiresAt: expiresAt?.toISOString() ?? null }
  return {
    status: 201 as const,
    body: { ...presentToken(made), token: text.reveal() },
    repeated: { ...presentToken(made), token: null },
    event: { action: 'token.created', targetType: 'token', targetId: id, details },
  }
}
