import { and, desc, eq, gte, isNull, lt, or, type SQL, sql } from 'drizzle-orm'
import type { OrganisationId, UserId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { apiTokens, auditEvents, users } from './schema/index.ts'

/** An event with the names of who did it; both are null for what no longer has a name. */
export type AuditEvent = typeof auditEvents.$inferSelect & { email: string | null; tokenName: string | null }

/** Which events; what is left out or undefined does not matter. */
export interface AuditFilter {
  /** The address of a user, or the id of a user or a token. */
  actor?: string | undefined
  action?: string | undefined
  targetType?: string | undefined
  targetId?: string | undefined
  /** From this moment on. */
  since?: Date | undefined
  /** Before this moment. */
  until?: Date | undefined
}

/** Whose events: of an organisation, or what a user did to his own account. */
export type AuditScope = { organisationId: OrganisationId } | { userId: UserId }

/** Events, newest first. */
export async function auditPage(db: Database, scope: AuditScope, filter: AuditFilter, page: PageRequest): Promise<Page<AuditEvent>> {
  const rows = await db
    .select({
      ...{ id: auditEvents.id, organisationId: auditEvents.organisationId, userId: auditEvents.userId, tokenId: auditEvents.tokenId },
      ...{ action: auditEvents.action, targetType: auditEvents.targetType, targetId: auditEvents.targetId },
      ...{ details: auditEvents.details, createdAt: auditEvents.createdAt, email: users.email, tokenName: apiTokens.name },
    })
    .from(auditEvents)
    .leftJoin(users, eq(users.id, auditEvents.userId))
    .leftJoin(apiTokens, eq(apiTokens.id, auditEvents.tokenId))
    .where(and(within(scope), matching(filter), behindCursor(auditEvents.id, page)))
    .orderBy(desc(auditEvents.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

const exportedAtOnce = 500

/** All of them, some at a time, so that no more than these are in memory. Always yields at least once. */
export async function* auditBatches(db: Database, scope: AuditScope, filter: AuditFilter): AsyncGenerator<AuditEvent[]> {
  let cursor: string | undefined
  do {
    const page: Page<AuditEvent> = await auditPage(db, scope, filter, { limit: exportedAtOnce, cursor })
    yield page.items
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
}

const within = (scope: AuditScope): SQL | undefined =>
  'organisationId' in scope
    ? eq(auditEvents.organisationId, scope.organisationId)
    : and(isNull(auditEvents.organisationId), eq(auditEvents.userId, scope.userId))

const matching = ({ actor, action, targetType, targetId, since, until }: AuditFilter): SQL | undefined =>
  and(
    actor === undefined ? undefined : madeBy(actor),
    action === undefined ? undefined : eq(auditEvents.action, action),
    targetType === undefined ? undefined : eq(auditEvents.targetType, targetType),
    targetId === undefined ? undefined : eq(auditEvents.targetId, targetId),
    since === undefined ? undefined : gte(auditEvents.createdAt, since),
    until === undefined ? undefined : lt(auditEvents.createdAt, until),
  )

const madeBy = (actor: string): SQL | undefined =>
  actor.includes('@')
    ? sql`lower(${users.email}) = lower(${actor})`
    : or(sql`${auditEvents.userId}::text = ${actor.toLowerCase()}`, sql`${auditEvents.tokenId}::text = ${actor.toLowerCase()}`)
