import { havePublicWay, sharePrivateNetwork } from '../domain/endpoints.ts'
import type { OrganisationId, ServerId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { type Server, serversAmong } from './servers.ts'

/** Servers that want to reach others, all of one organisation. */
export interface Reach {
  organisationId: OrganisationId
  from: readonly ServerId[]
  to: readonly ServerId[]
  /** What is to be reached lets servers of other networks reach it over the internet. */
  allowPublic: boolean
  /** What wants to reach what, e.g. `shop-db is to be reached by production`. */
  wish: string
}

/** Why a server cannot reach another one, for they are in no private network together (specification section 14); null where all can. */
export async function whyUnreachable(db: Database, { organisationId, from, to, allowPublic, wish }: Reach): Promise<string | null> {
  const servers = await serversAmong(db, organisationId, [...from, ...to])
  const among = (ids: readonly ServerId[]) => servers.filter(({ id }) => ids.includes(id))
  const pairs = among(from).flatMap((one) => among(to).map((other) => [one, other] as const))
  const isPublicWay = (one: Server, other: Server) => allowPublic && havePublicWay(one, other)
  const [apart] = pairs.filter(([one, other]) => one.id !== other.id && !sharePrivateNetwork(one, other) && !isPublicWay(one, other))
  if (!apart) return null
  const [consumer, provider] = apart
  return `${wish}, but ${consumer.name} and ${provider.name} are in no private network together: give both a privateAddress in one privateNetwork, use one server, or have a service with allowPublic and servers that were adopted by IPv4 addresses of their own`
}
