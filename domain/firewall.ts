import type { ServerId } from './ids.ts'

/**
 * Ports of a server that its replicas are given, each one of its own (design section 6): on its private address, and on its public one
 * where a service is allowed there. They end below those that Linux gives to connections by itself.
 */
export const assignedPorts = { first: 20_000, last: 29_999 } as const

/** An assigned port on one address of its server, and the addresses that may reach it, sorted. */
export interface OpenPort {
  address: string
  port: number
  sources: readonly string[]
}

/** A server whose firewall is to take its rules of this revision, or later ones. */
export interface PlannedFirewall {
  serverId: ServerId
  serverName: string
  revision: number
}
