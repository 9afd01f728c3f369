interface Page<Item> {
  items: Item[]
  nextCursor: string | null
}

/** As many as the API gives at once. */
const pageSize = 100

/** All pages of a list as one. */
export async function wholeList<Item>(read: (query: { limit: number; cursor?: string }) => Promise<Page<Item>>): Promise<Page<Item>> {
  const items: Item[] = []
  let cursor: string | undefined
  do {
    const page = await read({ limit: pageSize, cursor })
    items.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return { items, nextCursor: null }
}
