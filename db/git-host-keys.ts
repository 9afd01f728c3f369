import { and, desc, eq, sql } from 'drizzle-orm'
import type { OrganisationId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { gitHostKeys } from './schema/index.ts'

/** A host key of a Git server that a person has confirmed. */
export type GitHostKey = typeof gitHostKeys.$inferSelect

/** Confirmed host keys of an organisation, newest first. */
export async function gitHostKeysOf(db: Database, organisationId: OrganisationId, page: PageRequest): Promise<Page<GitHostKey>> {
  const rows = await db
    .select()
    .from(gitHostKeys)
    .where(and(eq(gitHostKeys.organisationId, organisationId), behindCursor(gitHostKeys.id, page)))
    .orderBy(desc(gitHostKeys.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

/** Forgets a key of the organisation: its host has to be confirmed again. Null where it has none of this id. */
export async function forgetHostKey(db: Database, organisationId: OrganisationId, id: string): Promise<GitHostKey | null> {
  const [forgotten] = await db
    .delete(gitHostKeys)
    .where(and(eq(gitHostKeys.organisationId, organisationId), eq(gitHostKeys.id, id)))
    .returning()
  return forgotten ?? null
}

/** Key lines that people confirmed for a git host. */
export async function confirmedHostKeys(
  db: Database,
  organisationId: OrganisationId,
  at: { host: string; port: number },
): Promise<string[]> {
  const rows = await db
    .select({ key: gitHostKeys.key })
    .from(gitHostKeys)
    .where(and(eq(gitHostKeys.organisationId, organisationId), eq(gitHostKeys.host, at.host), eq(gitHostKeys.port, at.port)))
  return rows.map(({ key }) => key)
}

/** Confirms the key of a git host; it takes the place of one confirmed before. */
export async function confirmHostKey(
  db: Database,
  confirmed: { organisationId: OrganisationId; host: string; port: number; key: string },
): Promise<GitHostKey> {
  const [stored] = await db
    .insert(gitHostKeys)
    .values(confirmed)
    .onConflictDoUpdate({
      target: [gitHostKeys.organisationId, gitHostKeys.host, gitHostKeys.port],
      set: { key: confirmed.key, confirmedAt: sql`now()` },
    })
    .returning()
  if (!stored) throw new Error('the host key was not stored')
  return stored
}
