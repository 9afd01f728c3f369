/** What many tell, until one reads it. Who tells more than there is room for waits until it is read. */
export interface Inbox<Item> {
  /** `size` in bytes. Resolves at once when the signal is aborted: nobody reads then. */
  put(item: Item, size: number): Promise<void>
  /** All that has come since the last time. */
  take(): Item[]
  /** Waits until there is something new, something was taken, or somebody says `wake`; at most so long. */
  changed(milliseconds: number): Promise<'changed' | 'overdue'>
  wake(): void
  isFull(): boolean
}

export function createInbox<Item>({ mostBytes, signal }: { mostBytes: number; signal: AbortSignal }): Inbox<Item> {
  let items: Item[] = []
  let bytes = 0
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const go of waiting) go()
    waiting.clear()
  }
  const woken = () => new Promise<void>((resolve) => waiting.add(resolve))
  signal.addEventListener('abort', wake, { once: true })
  return {
    async put(item, size) {
      while (bytes >= mostBytes && !signal.aborted) await woken()
      if (signal.aborted) return
      items.push(item)
      bytes += size
      wake()
    },
    take() {
      const taken = items
      items = []
      bytes = 0
      wake()
      return taken
    },
    async changed(milliseconds) {
      if (signal.aborted) return 'changed'
      return new Promise((resolve) => {
        const go = () => {
          clearTimeout(timer)
          resolve('changed')
        }
        const timer = setTimeout(() => {
          waiting.delete(go)
          resolve('overdue')
        }, milliseconds)
        waiting.add(go)
      })
    },
    wake,
    isFull: () => bytes >= mostBytes,
  }
}
