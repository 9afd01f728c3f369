/** What can be bought: a part of what there is, as the API tells it. */

const location = (id: number, name: string, city: string, country: string, network_zone: string) => ({
  ...{ id, name, description: `${city} DC Park 1`, country, city, latitude: 50.4, longitude: 12.3, network_zone },
})

export const locations = [
  location(1, 'fsn1', 'Falkenstein', 'DE', 'eu-central'),
  location(2, 'nbg1', 'Nuremberg', 'DE', 'eu-central'),
  location(3, 'hel1', 'Helsinki', 'FI', 'eu-central'),
  location(4, 'ash', 'Ashburn, VA', 'US', 'us-east'),
]
export type FakeLocation = (typeof locations)[number]

interface Hardware {
  architecture: 'x86' | 'arm'
  cores: number
  memory: number
  disk: number
  monthly: number
  places: readonly string[]
  soldOutAt?: readonly string[]
  isDeprecated?: boolean
}

const amount = (net: number) => ({ net: net.toFixed(10), gross: (net * 1.19).toFixed(10) })
const deprecation = { announced: '2026-01-01T00:00:00+00:00', unavailable_after: '2026-12-01T00:00:00+00:00' }

function serverType(id: number, name: string, { monthly, places, soldOutAt = [], isDeprecated = false, ...hardware }: Hardware) {
  return {
    ...{ id, name, description: name.toUpperCase(), category: 'Shared vCPU', ...hardware },
    ...{ storage_type: 'local', cpu_type: name.startsWith('cc') ? 'dedicated' : 'shared', included_traffic: 0 },
    ...{ deprecated: isDeprecated, deprecation: isDeprecated ? deprecation : null },
    prices: places.map((place) => ({
      ...{ location: place, price_hourly: amount(monthly / 625), price_monthly: amount(monthly) },
      ...{ included_traffic: 20 * 1024 ** 4, price_per_tb_traffic: amount(1) },
    })),
    locations: places.map((place, index) => ({ id: index + 1, name: place, available: !soldOutAt.includes(place), recommended: false, deprecation: null })),
  }
}
export type FakeType = ReturnType<typeof serverType>

const europe = ['fsn1', 'nbg1', 'hel1']

export const serverTypes = [
  serverType(104, 'cx22', { architecture: 'x86', cores: 2, memory: 4, disk: 40, monthly: 3.79, places: europe, soldOutAt: ['hel1'] }),
  serverType(45, 'cax11', { architecture: 'arm', cores: 2, memory: 4, disk: 40, monthly: 3.29, places: europe }),
  serverType(96, 'ccx13', { architecture: 'x86', cores: 2, memory: 8, disk: 80, monthly: 12.49, places: [...europe, 'ash'] }),
  serverType(1, 'cx11', { architecture: 'x86', cores: 1, memory: 2, disk: 20, monthly: 2.99, places: europe, isDeprecated: true }),
]

const image = (id: number, name: string, architecture: 'x86' | 'arm', deprecated: string | null = null) => ({
  ...{ id, name, architecture, deprecated, type: 'system', status: 'available', description: description(name) },
  ...{ image_size: null, disk_size: 5, created: '2026-01-01T00:00:00+00:00', created_from: null, bound_to: null },
  ...{ os_flavor: name.split('-')[0], os_version: name.split('-')[1] ?? null, rapid_deploy: true, protection: { delete: false }, deleted: null, labels: {} },
})
export type FakeImage = ReturnType<typeof image>

const description = (name: string) => name.replace(/^./, (first) => first.toUpperCase()).replace('-', ' ')

export const images = [
  ...[image(114690387, 'debian-12', 'x86'), image(114690389, 'debian-12', 'arm'), image(310000001, 'debian-13', 'x86'), image(310000002, 'debian-13', 'arm')],
  ...[image(161547269, 'ubuntu-24.04', 'x86'), image(161547270, 'ubuntu-24.04', 'arm'), image(67794396, 'ubuntu-22.04', 'x86')],
  ...[image(45557056, 'debian-11', 'x86', '2026-08-01T00:00:00+00:00'), image(305336571, 'rocky-10', 'x86')],
]

export const pricing = {
  ...{ currency: 'EUR', vat_rate: '19.000000' },
  server_types: serverTypes.map(({ id, name, prices }) => ({ id, name, prices })),
}
