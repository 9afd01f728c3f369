import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type AuditedChange, recordAudit } from '../db/audit.ts'
import type { Database } from '../db/connect.ts'
import { lockKey, storeAnswer } from '../db/idempotency.ts'
import type { OrganisationId } from '../domain/ids.ts'
import type { ApiContext, ApiDependencies } from './context.ts'
import { refuseRepeated } from './once.ts'

export interface ChangeAnswer<Body, Status extends ContentfulStatusCode> {
  status: Status
  body: Body
  headers: Record<string, string>
}

/** What a change answers with and how it stands in the audit. */
export interface Change<Body, Status extends ContentfulStatusCode> extends Omit<ChangeAnswer<Body, Status>, 'headers'> {
  headers?: Record<string, string>
  event: AuditedChange
  /** What a repeated request gets instead of the body, where the body has what is not stored in plain text. */
  repeated?: unknown
}

/**
 * Makes a change in one transaction together with its audit event and, where the request has an Idempotency-Key, its answer:
 * either all of it is there or nothing.
 */
export async function commit<Body, Status extends ContentfulStatusCode>(
  { db }: ApiDependencies,
  c: ApiContext,
  change: (tx: Database) => Promise<Change<Body, Status>>,
): Promise<ChangeAnswer<Body, Status>> {
  const { once, organisation, actor } = c.var
  return commitAs({ db, once, organisationId: organisation.id, actor }, change)
}

type Committer = Pick<ApiDependencies, 'db'> & Pick<ApiContext['var'], 'once' | 'actor'> & { organisationId: OrganisationId | null }

/** The same where the organisation is not the path's: it is made by this very change, or null since a user changes his own account. */
export async function commitAs<Body, Status extends ContentfulStatusCode>(
  { db, once, organisationId, actor }: Committer,
  change: (tx: Database) => Promise<Change<Body, Status>>,
): Promise<ChangeAnswer<Body, Status>> {
  return db.transaction(async (tx) => {
    if (once) {
      await lockKey(tx, once)
      await refuseRepeated(tx, once)
    }
    const { status, body, headers = {}, event, repeated = body } = await change(tx)
    await recordAudit(tx, organisationId, actor, event)
    if (once) await storeAnswer(tx, once, { status, content: repeated, headers })
    return { status, body, headers }
  })
}
