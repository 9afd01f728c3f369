import { and, desc, eq, inArray, isNotNull, isNull, ne } from 'drizzle-orm'
import type { Finding } from '../domain/drift.ts'
import type { EnvironmentId, OrganisationId, ServerId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import type { WatchedServer } from './observations.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { driftFindings, servers } from './schema/index.ts'

/** A finding as it is stored. */
export type StoredFinding = typeof driftFindings.$inferSelect

/**
 * Stores what a look has found: what is new begins, what is there still goes on, and what was not found again is over, unless `isLeft`
 * says that nobody knows.
 */
export async function recordFindings(
  tx: Database,
  { id: serverId, organisationId }: Pick<WatchedServer, 'id' | 'organisationId'>,
  { findings, at, isLeft }: { findings: readonly Finding[]; at: Date; isLeft: (finding: StoredFinding) => boolean },
): Promise<void> {
  const open = await tx.select().from(driftFindings).where(and(eq(driftFindings.serverId, serverId), isNull(driftFindings.resolvedAt))).for('update')
  const isSame = (one: Pick<Finding, 'code' | 'subject'>, other: Pick<Finding, 'code' | 'subject'>) => one.code === other.code && one.subject === other.subject
  for (const finding of findings) {
    const known = open.find((one) => isSame(one, finding))
    if (known) await tx.update(driftFindings).set({ ...finding, lastSeenAt: at }).where(eq(driftFindings.id, known.id))
    else await tx.insert(driftFindings).values({ ...finding, organisationId, serverId, firstSeenAt: at, lastSeenAt: at })
  }
  const over = open.filter((known) => !findings.some((finding) => isSame(known, finding)) && !isLeft(known)).map(({ id }) => id)
  if (over.length > 0) await tx.update(driftFindings).set({ resolvedAt: at }).where(inArray(driftFindings.id, over))
}

/** Which findings are asked for; what is not given is not looked at. */
export interface FindingFilter {
  serverId?: ServerId | undefined
  environmentId?: EnvironmentId | undefined
  isOpen?: boolean | undefined
}

/** Findings of an organisation with the names of their servers, newest first. */
export async function findingsOf(db: Database, organisationId: OrganisationId, { serverId, environmentId, isOpen }: FindingFilter, page: PageRequest) {
  const rows = await db
    .select({ id: driftFindings.id, finding: driftFindings, serverName: servers.name })
    .from(driftFindings)
    .innerJoin(servers, eq(servers.id, driftFindings.serverId))
    .where(
      and(
        eq(driftFindings.organisationId, organisationId),
        ne(servers.status, 'removed'),
        serverId && eq(driftFindings.serverId, serverId),
        environmentId && eq(driftFindings.environmentId, environmentId),
        isOpen === undefined ? undefined : isOpen ? isNull(driftFindings.resolvedAt) : isNotNull(driftFindings.resolvedAt),
        behindCursor(driftFindings.id, page),
      ),
    )
    .orderBy(desc(driftFindings.id))
    .limit(page.limit + 1)
  return cutPage(rows, page) satisfies Page<FindingView>
}
/** A finding as people see it. */
export interface FindingView {
  id: string
  finding: StoredFinding
  serverName: string
}

/** How many findings of a server are open. */
export async function openDifferences(db: Database, serverId: ServerId): Promise<number> {
  return db.$count(driftFindings, and(eq(driftFindings.serverId, serverId), isNull(driftFindings.resolvedAt)))
}

/** How many are open on the present servers of all organisations. */
export async function allOpenDifferences(db: Database): Promise<number> {
  const present = db.select({ id: servers.id }).from(servers).where(ne(servers.status, 'removed'))
  return db.$count(driftFindings, and(inArray(driftFindings.serverId, present), isNull(driftFindings.resolvedAt)))
}
