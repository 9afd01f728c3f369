import type { Logger } from 'pino'
import type { OperationEvent } from './operation-events.ts'

/** `text/event-stream` of the HTML standard. A failure is logged and ends the stream: the client comes back by itself. */
export async function* eventStream(events: AsyncIterable<OperationEvent>, log: Logger): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  try {
    yield encoder.encode('retry: 1000\n\n')
    for await (const event of events) yield encoder.encode(written(event))
  } catch (error) {
    log.error({ err: error }, 'event stream failed')
  }
}

/** A moment without news is a comment: it keeps proxies from cutting the connection. */
function written({ event, id, data }: OperationEvent): string {
  if (event === 'quiet') return ': nothing new\n\n'
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`
}
