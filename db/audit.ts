import type { OrganisationId, TokenId, UserId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { auditEvents } from './schema/index.ts'

/** What was changed, e.g. `server.adopted`. Details are for people and hold no secrets. */
export interface AuditedChange {
  action: string
  targetType: string
  targetId: string
  details?: Record<string, unknown>
}

/** By whom: a token, and the user whom it speaks for. */
export interface AuditedActor {
  userId: UserId | null
  tokenId: TokenId
}

/** Records who changed what; call it in the transaction of the change. A null organisation: what a user changed of his own account. */
export async function recordAudit(
  db: Database,
  organisationId: OrganisationId | null,
  { userId, tokenId }: AuditedActor,
  change: AuditedChange,
): Promise<void> {
  await db.insert(auditEvents).values({ organisationId, userId, tokenId, ...change })
}
