import type { OrganisationId } from '../domain/ids.ts'
import type { TokenHolder } from './access.ts'
import type { Database } from './connect.ts'
import { auditEvents } from './schema/index.ts'

/** What was changed, e.g. `server.adopted`. Details are for people and hold no secrets. */
export interface AuditedChange {
  action: string
  targetType: string
  targetId: string
  details?: Record<string, unknown>
}

/** Records who changed what; call it in the transaction of the change. */
export async function recordAudit(
  db: Database,
  organisationId: OrganisationId,
  by: TokenHolder,
  change: AuditedChange,
): Promise<void> {
  await db.insert(auditEvents).values({ organisationId, userId: by.userId, tokenId: by.tokenId, ...change })
}
