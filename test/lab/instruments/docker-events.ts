import { z } from 'zod'
import { runScript, type LookedAt } from './looked-at.ts'

export interface DockerEvent {
  at: Date
  /** container, image, network, volume, builder… */
  type: string
  /** create, start, die, destroy, pull, tag… */
  action: string
  /** The container's or image's name where Docker tells it, else its id. */
  name: string
  /** Labels among them. */
  attributes: Record<string, string>
}

const eventSchema = z.object({
  Type: z.string(),
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()).nullish() }),
  timeNano: z.number(),
})

/** How many events Docker remembers. Health checks make three each, so that this is a few minutes and not a whole run. */
const remembered = 256

/** The events that Docker still remembers, without health checks. Throws where it may have forgotten one since then. */
export async function dockerEvents(server: LookedAt, since: Date): Promise<DockerEvent[]> {
  const lines = await rememberedEvents(server)
  const oldest = eventsOf(lines.slice(0, 1)).at(0)
  if (lines.length >= remembered && oldest && oldest.at > since) {
    const forgotten = `has forgotten what was before ${oldest.at.toISOString()}`
    throw new Error(`Docker on ${server.container} ${forgotten}: record its events instead`)
  }
  return eventsOf(lines).filter((event) => event.at >= since && !isHealthCheck(event))
}

/** All that Docker remembers since a second, as it tells it: one JSON a line. */
export async function rememberedEvents(server: LookedAt, second = 0): Promise<string[]> {
  const lines = await runScript(server.exec, 'docker-events', { args: [`${second}`] })
  return lines.split('\n').filter((line) => line !== '')
}

/** Parses lines of events. */
export function eventsOf(lines: readonly string[]): DockerEvent[] {
  return lines.map((line) => {
    const { Type, Action, Actor, timeNano } = eventSchema.parse(JSON.parse(line))
    const attributes = Actor.Attributes ?? {}
    return { at: new Date(timeNano / 1e6), type: Type, action: Action, name: attributes.name ?? Actor.ID, attributes }
  })
}

/** A container's own, every few seconds. */
export const isHealthCheck = ({ action }: DockerEvent) => /^(exec_|health_status)/.test(action)
