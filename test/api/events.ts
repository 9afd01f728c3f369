import { expect } from 'vitest'
import type { TestApi } from './test-api.ts'

export interface Event {
  event: string
  id?: string
  data: unknown
}

export interface Events {
  /** Reads on to the first event that fits. */
  until(fits: (event: Event) => boolean): Promise<Event>
  /** Everything from the beginning to the end of the stream. */
  rest(): Promise<Event[]>
  /** As a client that closes its connection. */
  leave(): Promise<void>
}

/** Watches an operation as EventSource does; comments are left out. */
export async function openEvents(api: TestApi, path: string, lastEventId?: string): Promise<Events> {
  const leaving = new AbortController()
  const headers = { authorization: `Bearer ${api.ownerToken}`, ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) }
  const response = await api.app.request(path + '/events', { headers, signal: leaving.signal })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  const events = parsed(response.body!)
  const seen: Event[] = []
  const next = async () => {
    const { value, done } = await events.next()
    if (!done) seen.push(value)
    return done ? null : value
  }
  return {
    async until(fits) {
      for (let event = await next(); event; event = await next()) if (fits(event)) return event
      throw new Error(`the stream ended after ${JSON.stringify(seen)}`)
    },
    async rest() {
      while (await next());
      return seen
    },
    async leave() {
      leaving.abort()
      await events.return(undefined)
    },
  }
}

async function* parsed(body: ReadableStream<Uint8Array>): AsyncGenerator<Event> {
  let text = ''
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    text += piece
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]))
      const [event, id, data] = ['event', 'id', 'data'].map((name) => fields.get(name))
      if (event && data) yield { event, ...(id ? { id } : {}), data: JSON.parse(data) }
    }
  }
}
