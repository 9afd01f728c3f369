/** How one service reaches another (specification section 14): the nearest way that exists. */

/** Where a server stands for the other servers. */
export interface ServerPlace {
  serverId: string
  /** IPv4; both are null, or neither is. */
  privateAddress: string | null
  privateNetwork: string | null
}

/** A provider, and by what it can be reached. */
export interface Placed extends ServerPlace {
  /** Alias in the provider's Docker network. */
  alias: string
  containerPort: number
  /** Port that was assigned on the private address. */
  hostPort: number | null
}

/** Docker alias on the same server, else private address and assigned port in the same private network; null where neither leads there. */
export function nearestEndpoint(consumer: ServerPlace, provider: Placed): { host: string; port: number } | null {
  if (consumer.serverId === provider.serverId) return { host: provider.alias, port: provider.containerPort }
  if (!sharePrivateNetwork(consumer, provider) || provider.privateAddress === null || provider.hostPort === null) return null
  return { host: provider.privateAddress, port: provider.hostPort }
}

/** Whether two servers reach each other by their private addresses. */
export function sharePrivateNetwork(one: ServerPlace, other: ServerPlace): boolean {
  return one.privateNetwork !== null && one.privateNetwork === other.privateNetwork
}
