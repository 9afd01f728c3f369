/** How one service reaches another (specification section 14): the nearest way that exists. */

/** A provider, and by what it can be reached. */
export interface Placed {
  serverId: string
  privateAddress: string | null
  /** Alias in the provider's Docker network. */
  alias: string
  containerPort: number
  /** Port that was assigned on the private address. */
  hostPort: number | null
}

/** Who wants to reach it. */
export interface Consumer {
  serverId: string
}

/** Docker alias on the same server, else private address and assigned port; null where neither leads there. */
export function nearestEndpoint(consumer: Consumer, provider: Placed): { host: string; port: number } | null {
  if (consumer.serverId === provider.serverId) return { host: provider.alias, port: provider.containerPort }
  if (provider.privateAddress === null || provider.hostPort === null) return null
  return { host: provider.privateAddress, port: provider.hostPort }
}
