import type { Logger } from 'pino'

/** A server-sent event; `id` is what a client that comes back sends as Last-Event-ID. */
interface StreamEvent {
  event: string
  id?: string
  data: unknown
}

const encoder = new TextEncoder()

export const encodeEvent = ({ event, id, data }: StreamEvent): Uint8Array =>
  encoder.encode(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`)

/** A comment: it keeps proxies from cutting a connection without news. */
export const quietEvent = encoder.encode(': nothing new\n\n')

const retryMilliseconds = { least: 1000, most: 3000 }

interface Streaming {
  log: Logger
  /** Called where the client has taken nothing for so long; there is nobody, or he will come back. */
  cutOff: () => void
  stalledSeconds?: number
}

/** `text/event-stream` of the HTML standard. A failure is logged and ends the stream: the client comes back by itself. */
export async function* eventStream(
  events: AsyncIterable<Uint8Array>,
  { log, cutOff, stalledSeconds = 60 }: Streaming,
): AsyncGenerator<Uint8Array> {
  try {
    yield encoder.encode(`retry: ${retry()}\n\n`)
    for await (const event of events) {
      const stalled = setTimeout(cutOff, stalledSeconds * 1000)
      try {
        yield event
      } finally {
        clearTimeout(stalled)
      }
    }
  } catch (error) {
    log.error({ err: error }, 'event stream failed')
  }
}

/** Not the same for all: those whose API has ended do not come back at once. */
const retry = (): number => Math.round(retryMilliseconds.least + Math.random() * (retryMilliseconds.most - retryMilliseconds.least))
