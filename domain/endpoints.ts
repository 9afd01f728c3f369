/** How one service reaches another (specification section 14): the nearest way that exists and is allowed. */

/** Where a server stands for the other servers. */
export interface ServerPlace {
  serverId: string
  /** IPv4; both are null, or neither is. */
  privateAddress: string | null
  privateNetwork: string | null
  /** IPv4 by which the internet reaches it; null where it is known by a name alone. */
  publicAddress: string | null
}

/** A provider, and by what it can be reached. */
export interface Placed extends ServerPlace {
  /** Alias in the provider's Docker network. */
  alias: string
  containerPort: number
  /** Port that was assigned on the server's addresses. */
  hostPort: number | null
  /** Whether its user lets servers of other networks reach it over the internet. */
  allowPublic: boolean
}

/**
 * Docker alias on the same server, else private address and assigned port in the same private network, else public address and the
 * same port where that is allowed; null where none of them leads there.
 */
export function nearestEndpoint(consumer: ServerPlace, provider: Placed): { host: string; port: number } | null {
  const { privateAddress, publicAddress, hostPort: port } = provider
  if (consumer.serverId === provider.serverId) return { host: provider.alias, port: provider.containerPort }
  const isPublicWay = provider.allowPublic && havePublicWay(consumer, provider)
  const host = sharePrivateNetwork(consumer, provider) ? privateAddress : isPublicWay ? publicAddress : null
  return host === null || port === null ? null : { host, port }
}

/** Whether two servers reach each other by their private addresses. */
export function sharePrivateNetwork(one: Pick<ServerPlace, 'privateNetwork'>, other: Pick<ServerPlace, 'privateNetwork'>): boolean {
  return one.privateNetwork !== null && one.privateNetwork === other.privateNetwork
}

/** Whether two servers reach each other over the internet: the one is found there, the other one is known to its firewall. */
export function havePublicWay(one: Pick<ServerPlace, 'publicAddress'>, other: Pick<ServerPlace, 'publicAddress'>): boolean {
  return one.publicAddress !== null && other.publicAddress !== null
}
