import type { ServerId } from './ids.ts'

/**
 * Ports of a server's private address that its replicas are given, each one of its own (design section 6). They end below those that
 * Linux gives to connections by itself.
 */
export const assignedPorts = { first: 20_000, last: 29_999 } as const

/** An assigned port, and the private addresses that may reach it, sorted. */
export interface OpenPort {
  port: number
  sources: readonly string[]
}

/** A server whose firewall is to take its rules of this revision, or later ones. */
export interface PlannedFirewall {
  serverId: ServerId
  serverName: string
  revision: number
}
