import type { OrganisationId } from '../domain/ids.ts'
import { Problem } from './problem.ts'

/** As many channels as a connection to a server has (drivers/ssh/connection.ts): no reader waits for another of his organisation. */
const mostOfOrganisation = 8
const mostInAll = 100

/** Counts who reads logs in this process: each holds a channel to every server that he reads from. */
export interface LogReaders {
  /** Lets one in until the signal aborts. Throws a 429. */
  enter(organisationId: OrganisationId, leaves: AbortSignal): void
}

export function createLogReaders(): LogReaders {
  const all = new Map<OrganisationId, number>()
  const total = () => [...all.values()].reduce((sum, count) => sum + count, 0)
  const count = (id: OrganisationId, by: number) => all.set(id, (all.get(id) ?? 0) + by)
  return {
    enter(organisationId, leaves) {
      const isFull = (all.get(organisationId) ?? 0) >= mostOfOrganisation
      if (isFull) throw tooMany(`Logs of this organisation are read ${mostOfOrganisation} times at once already: end one of these.`)
      if (total() >= mostInAll) throw tooMany('Too many read logs at the moment: come again soon.')
      if (leaves.aborted) return
      count(organisationId, 1)
      leaves.addEventListener('abort', () => count(organisationId, -1), { once: true })
    },
  }
}

const tooMany = (detail: string) => new Problem(429, 'too_many_viewers', detail, { headers: { 'retry-after': '10' } })
