import type { Catalogue, CatalogueImage, CatalogueType, Price } from '../contract.ts'
import type { HetznerClient } from './client.ts'
import { type HetznerType, imageSchema, locationSchema, pricingSchema, typeSchema } from './replies.ts'

const architectures = { x86: 'amd64', arm: 'arm64' } as const

/** Operating systems that provisioning knows (specification section 4). */
const supportedImages = ['debian-13', 'debian-12', 'ubuntu-24.04']

/** What can be bought now: deprecated types and images are left out. */
export async function readCatalogue(client: HetznerClient): Promise<Catalogue> {
  const [locations, types, images, { pricing }] = await Promise.all([
    client.list({ path: '/locations', name: 'locations' }, locationSchema),
    client.list({ path: '/server_types', name: 'server_types' }, typeSchema),
    client.list({ path: '/images', name: 'images', query: { type: 'system' } }, imageSchema),
    client.ask({ method: 'GET', path: '/pricing' }, pricingSchema),
  ])
  return {
    currency: pricing.currency,
    locations: locations.map(({ name, city, country, network_zone: zone }) => ({ name, city, country, zone })),
    types: types.filter(({ deprecation }) => !deprecation).map(catalogueType),
    images: supportedImages.flatMap((name) => catalogueImage(name, images.filter((image) => image.name === name))),
  }
}

function catalogueType({ name, architecture, cores, cpu_type: cpuSharing, memory, disk: diskGb, prices, locations = [] }: HetznerType): CatalogueType {
  const places = new Map(locations.map((place) => [place.name, place]))
  const offers = prices
    .filter(({ location }) => !places.get(location)?.deprecation)
    .map(({ location, price_hourly: hourly, price_monthly: monthly }) => ({
      ...{ location, isAvailable: places.get(location)?.available ?? true },
      ...{ hourly: shortPrice(hourly), monthly: shortPrice(monthly) },
    }))
  return { name, architecture: architectures[architecture], cpus: cores, cpuSharing, memoryMb: Math.round(memory * 1024), diskGb, offers }
}

function catalogueImage(name: string, found: readonly { description: string; status: string; architecture: 'x86' | 'arm'; deprecated?: string | null | undefined }[]): CatalogueImage[] {
  const usable = found.filter(({ status, deprecated }) => status === 'available' && !deprecated)
  const [first] = usable
  return first ? [{ name, description: first.description, architectures: usable.map(({ architecture }) => architectures[architecture]) }] : []
}

/** `3.7900000000` is told as `3.79`. */
const short = (amount: string): string => amount.replace(/(\.\d\d\d*?)0+$/, '$1')

const shortPrice = ({ net, gross }: Price): Price => ({ net: short(net), gross: short(gross) })
