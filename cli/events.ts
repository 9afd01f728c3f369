import { setTimeout as pause } from 'node:timers/promises'
import type { EventSourceMessage } from 'eventsource-parser'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { ClientResponse } from 'hono/client'
import { CliError, exitCodes } from './errors.ts'
import { lost, type Session } from './session.ts'

interface Stream {
  /** Asks for what comes behind the event of this id. */
  open(lastEventId: string | undefined): Promise<ClientResponse<unknown>>
  trouble(text: string): void
}

const reconnectMilliseconds = 1000

/** Server-sent events, asked for anew behind the last one where the stream ends or its connection is lost. Throws a CliError where they are refused. */
export async function* lastingEvents(session: Session, { open, trouble }: Stream): AsyncGenerator<EventSourceMessage> {
  let lastEventId: string | undefined
  let isCutOff = false
  for (;;) {
    try {
      for await (const event of eventsOf(session, () => open(lastEventId))) {
        isCutOff = false
        lastEventId = event.id ?? lastEventId
        yield event
      }
    } catch (error) {
      if (!isLost(error)) throw error
      if (!isCutOff) trouble('Keystone does not answer; what it does goes on. Trying again …\n')
      isCutOff = true
    }
    await pause(reconnectMilliseconds)
  }
}

const isLost = (error: unknown): boolean => error instanceof CliError && error.exitCode === exitCodes.unreachable

/** To the end of the stream: streams end after a while. Throws a CliError where the connection is lost. */
async function* eventsOf({ ask, settings }: Session, open: () => Promise<ClientResponse<unknown>>) {
  try {
    const response = await open()
    if (!response.ok) await ask(Promise.resolve(response))
    if (response.body) yield* response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  } catch (error) {
    throw lost(error, settings)
  }
}
