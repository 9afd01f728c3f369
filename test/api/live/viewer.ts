import { get, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { createParser, type EventSourceMessage } from 'eventsource-parser'

/** Somebody who follows an operation as EventSource does: cut off, he comes back with Last-Event-ID. */
export interface Viewer {
  /** Bytes of output that he has seen, each of them once and in order. */
  seen(): number
  /** What came twice, not at all or in another order; empty where all went well. */
  wrong: readonly string[]
  /** What each stream (step, run, out or err) had, where the wish does not say what is expected. */
  texts(): string[]
  connections(): number
  /** The id of the last event that had one. */
  lastEventId(): string | undefined
  /** Settled when he has been told the end of the operation. */
  ended: Promise<void>
  leave(): void
}

interface Chunk {
  stepId: string
  run: number
  stream: string
  /** The same as characters here: the output is ASCII. */
  offset: number
  text: string
}

interface Wish {
  url: string
  token: string
  /** What the operation prints, whole, where that is one step's. */
  output?: string
  lastEventId?: string | undefined
  /** Bytes that were seen before `lastEventId`. */
  seen?: number
  /** Takes the bytes of an answer; as they come, unless told. */
  read?: (answer: IncomingMessage) => AsyncIterable<Buffer>
}

/** As `retry:` of the stream has it, but in a shorter time. */
const retryMilliseconds = 100

export function openViewer({ url, token, output, lastEventId, seen = 0, read = (answer) => answer }: Wish): Viewer {
  const leaving = new AbortController()
  const wrong: string[] = []
  const streams = new Map<string, { at: number; text: string }>()
  let [id, total, connections, isAtEnd] = [lastEventId, seen, 0, false]
  const take = ({ event, id: eventId, data }: EventSourceMessage) => {
    id = eventId ?? id
    if (event === 'end') isAtEnd = true
    if (event !== 'logs') return
    for (const { stepId, run, stream, offset, text } of JSON.parse(data) as Chunk[]) {
      const key = `${stepId} ${run} ${stream}`
      const known = streams.get(key) ?? { at: seen, text: '' }
      if (offset !== known.at || output?.startsWith(text, offset) === false) wrong.push(`${text.length} bytes at ${offset}, where ${known.at} was expected`)
      streams.set(key, { at: offset + text.length, text: output === undefined ? known.text + text : '' })
      total += text.length
    }
  }
  const connect = async () => {
    connections += 1
    const headers = { authorization: `Bearer ${token}`, ...(id === undefined ? {} : { 'last-event-id': id }) }
    const request = get(url, { headers, agent: false, signal: leaving.signal })
    const [answer] = (await once(request, 'response')) as [IncomingMessage]
    if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}`)
    const parser = createParser({ onEvent: take })
    for await (const text of decoded(read(answer))) parser.feed(text)
  }
  const follow = async () => {
    while (!isAtEnd && !leaving.signal.aborted) {
      await connect().catch(() => {})
      if (!isAtEnd) await pause(retryMilliseconds)
    }
  }
  const ended = follow()
  return { wrong, ended, texts: () => [...streams.values()].map(({ text }) => text), seen: () => total, connections: () => connections, lastEventId: () => id, leave: () => leaving.abort() }
}

async function* decoded(pieces: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  for await (const piece of pieces) yield decoder.decode(piece, { stream: true })
}
