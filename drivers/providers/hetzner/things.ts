import { z } from 'zod'
import type { OrganisationId } from '../../../domain/ids.ts'
import type { MachineOwner } from '../contract.ts'
import { ProviderError } from '../errors.ts'
import type { HetznerClient } from './client.ts'
import { label } from './errors.ts'
import { keySchema, networkSchema, serverSchema } from './replies.ts'

/** Labels by which Keystone knows its own again; what lacks one of them is somebody else's. */
export type Labels = Readonly<Record<string, string>>

export const serverLabels = ({ organisationId, serverId }: MachineOwner): Labels => ({
  'keystone-organisation': organisationId,
  'keystone-server': serverId,
})

export const networkLabels = (organisationId: OrganisationId, network: string): Labels => ({
  'keystone-organisation': organisationId,
  'keystone-network': network,
})

/** Asked of every single thing, whatever a list was asked for. */
const bears = (thing: { labels: Labels }, labels: Labels): boolean => Object.entries(labels).every(([key, value]) => thing.labels[key] === value)

/** Things that are made under a name which only one of their kind can have in a project. */
interface Kind<Thing> {
  path: string
  /** Under which they stand in the reply that lists them. */
  many: string
  thing: z.ZodType<Thing>
  /** The reply about one. */
  reply: z.ZodType<Thing>
  /** As people know it. */
  noun: string
}

export const serverKind = {
  ...{ path: '/servers', many: 'servers', noun: 'server', thing: serverSchema },
  reply: z.object({ server: serverSchema }).transform(({ server }) => server),
}
export const keyKind = {
  ...{ path: '/ssh_keys', many: 'ssh_keys', noun: 'SSH key', thing: keySchema },
  reply: z.object({ ssh_key: keySchema }).transform(({ ssh_key: key }) => key),
}
export const networkKind = {
  ...{ path: '/networks', many: 'networks', noun: 'network', thing: networkSchema },
  reply: z.object({ network: networkSchema }).transform(({ network }) => network),
}

/** Those of a kind that bear all of the labels. */
export async function thingsOf<Thing extends { labels: Labels }>(client: HetznerClient, { path, many, thing: schema }: Kind<Thing>, labels: Labels): Promise<Thing[]> {
  const query = { label_selector: Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(',') }
  return (await client.list({ path, name: many, query }, schema)).filter((thing) => bears(thing, labels))
}

/** The body of the request that makes it; the name is one that nothing else is to have. */
interface Wanted {
  name: string
  labels: Labels
  [setting: string]: unknown
}

/**
 * What is there is used, under whatever name by now; else it is made. The name is taken also by what an earlier request makes whose
 * answer was lost: that is ours too. Throws `name_taken` where it is somebody else's.
 */
export async function madeOnce<Thing extends { labels: Labels }>(client: HetznerClient, kind: Kind<Thing>, wanted: Wanted): Promise<Thing> {
  const { path, many, thing, reply, noun } = kind
  const { name, labels } = wanted
  const [before] = await thingsOf(client, kind, labels)
  if (before) return before
  try {
    return await client.ask({ method: 'POST', path, body: wanted }, reply)
  } catch (cause) {
    if (!(cause instanceof ProviderError && cause.code === 'name_taken')) throw cause
    const [taker] = await client.list({ path, name: many, query: { name } }, thing)
    if (!taker) throw new ProviderError('busy', `${label}: ${name} is just being made, or removed: it is tried again`, { cause })
    if (bears(taker, labels)) return taker
    throw new ProviderError('name_taken', `${label}: the project has another ${noun} of the name ${name}: rename that one there`, { cause })
  }
}
