import { type AnyColumn, type SQL, sql } from 'drizzle-orm'

/** A page of a list, newest first; `cursor` is the id of the last item of the page before. */
export interface PageRequest {
  limit: number
  cursor?: string | undefined
}

/** The items of a page; `nextCursor` is null on the last one. */
export interface Page<Item> {
  items: Item[]
  nextCursor: string | null
}

/** The condition for rows behind the cursor; ids are uuids of version 7 and sort by time. */
export const behindCursor = (id: AnyColumn, { cursor }: PageRequest): SQL | undefined =>
  cursor ? sql`${id} < ${cursor}` : undefined

/** Cuts a page from rows that were read with one more than the limit. */
export function cutPage<Item extends { id: string }>(rows: readonly Item[], { limit }: PageRequest): Page<Item> {
  const items = rows.slice(0, limit)
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}
