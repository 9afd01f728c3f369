import { createHash } from 'node:crypto'

/** A container that runs and is healthy, as all of them are at once. */
export interface Container {
  name: string
  /** The replica whose it is. */
  replica: string
  /** Empty where the service stands on its own. */
  environment: string
  service: string
  organisation: string
  /** Its key in the Compose project, by which others reach it. */
  alias: string
  image: string
}

/** What a simulated server has: whatever steps have made of it so far. */
export interface Machine {
  name: string
  privateAddress: string
  /** Public keys (in SSH's wire format) by the user whom they let in; Keystone's own user is not there from the beginning. */
  keys: Map<string, Buffer>
  /** Image ids by tag or digest. */
  images: Map<string, string>
  /** By name. */
  containers: Map<string, Container>
  /** SHA-256 of what steps have put in place, by path. */
  files: Map<string, string>
  firewallRevision: number
  /** The rules as they are listed. */
  firewall: string
  gatewayRevision: number
  /** Text of the gateway's running configuration. */
  gatewayText: string
  /** Of the same. */
  sections: readonly string[]
  /** The replica whose scheduler ticks, by its environment. */
  ticking: Map<string, string>
}

/** A server with nothing but root's key on it. */
export const newMachine = (name: string, privateAddress: string, rootKey: Buffer): Machine => ({
  ...{ name, privateAddress, keys: new Map([['root', rootKey]]), images: new Map(), containers: new Map() },
  ...{ files: new Map(), firewallRevision: 0, firewall: '', gatewayRevision: 0, gatewayText: '', sections: [], ticking: new Map() },
})

/** Docker's kind of id, and of files their hash; the same text has the same. */
export const idOf = (text: string): string => createHash('sha256').update(text).digest('hex')
