import { z } from 'zod'
import type { OrganisationId } from '../../../domain/ids.ts'
import type { MachineWish } from '../contract.ts'
import { ProviderError } from '../errors.ts'
import type { HetznerClient } from './client.ts'
import { label } from './errors.ts'
import { locationSchema } from './replies.ts'
import { madeOnce, networkKind, networkLabels, thingsOf } from './things.ts'

/** Beside Docker's pools on a server, which are in 10.201.0.0/16. */
const range = { network: '10.100.0.0/16', subnet: '10.100.0.0/20' }

/** The private network that a machine is to be in, made where there is none yet; it has the zone of the first machine's location. */
export async function ensureNetwork(client: HetznerClient, { organisationId, location }: MachineWish, network: string): Promise<number> {
  const labels = networkLabels(organisationId, network)
  const zone = await zoneOf(client, location)
  const made = await madeOnce(client, networkKind, {
    ...{ name: `keystone-${network}-${organisationId.slice(-12)}`, labels, ip_range: range.network },
    subnets: [{ type: 'cloud', ip_range: range.subnet, network_zone: zone }],
  })
  if (made.subnets.some((subnet) => subnet.network_zone === zone)) return made.id
  const zones = made.subnets.map((subnet) => subnet.network_zone).join(', ')
  throw new ProviderError('network_elsewhere', `${label}: the private network ${network} is in ${zones}, and ${location} in ${zone}: choose another location or network`)
}

async function zoneOf(client: HetznerClient, location: string): Promise<string> {
  const [found] = await client.list({ path: '/locations', name: 'locations', query: { name: location } }, locationSchema)
  if (!found) throw new ProviderError('not_offered', `${label} has no location ${location}: choose one of the catalogue`, { field: 'location' })
  return found.network_zone
}

/** Those that nothing is in; whoever is in one would be taken out of it. */
export async function removeEmptyNetworks(client: HetznerClient, organisationId: OrganisationId): Promise<void> {
  for (const { id, labels, servers } of await thingsOf(client, networkKind, { 'keystone-organisation': organisationId })) {
    if (labels['keystone-network'] === undefined || servers.length > 0) continue
    await client.ask({ method: 'DELETE', path: `/networks/${id}` }, z.null())
  }
}
