import type { Database } from '../db/connect.ts'
import { serversAmong } from '../db/servers.ts'
import { sharePrivateNetwork } from '../domain/endpoints.ts'
import type { OrganisationId, ServerId } from '../domain/ids.ts'
import { Problem } from './problem.ts'

/** Servers that want to reach others, all of one organisation. */
export interface Reach {
  organisationId: OrganisationId
  from: readonly ServerId[]
  to: readonly ServerId[]
  /** What wants to reach what, e.g. `shop-db is to be reached by production`. */
  wish: string
  /** The field of the request that brings them together, where there is one. */
  field?: string
}

/** Throws a 422 where a server cannot reach another one, for they are in no private network together (specification section 14). */
export async function refuseUnreachable(db: Database, { organisationId, from, to, wish, field }: Reach): Promise<void> {
  const servers = await serversAmong(db, organisationId, [...from, ...to])
  const among = (ids: readonly ServerId[]) => servers.filter(({ id }) => ids.includes(id))
  const pairs = among(from).flatMap((one) => among(to).map((other) => [one, other] as const))
  const [apart] = pairs.filter(([one, other]) => one.id !== other.id && !sharePrivateNetwork(placed(one), placed(other)))
  if (!apart) return
  const [consumer, provider] = apart
  const message = `${wish}, but ${consumer.name} and ${provider.name} are in no private network together: give both a privateAddress in one privateNetwork, or use one server`
  throw new Problem(422, 'service_unreachable', field ? `${field}: ${message}` : message, field ? { errors: [{ field, message }] } : {})
}

const placed = <Server extends { id: ServerId }>(server: Server) => ({ ...server, serverId: server.id })
