import { createHash } from 'node:crypto'
import { createActions, type FakeAction, type FakeActions } from './actions.ts'
import type { FakeImage, FakeLocation, FakeType } from './offers.ts'

export type Labels = Record<string, string>

interface Thing {
  id: number
  name: string
  labels: Labels
  created: string
}

export interface FakeKey extends Thing {
  public_key: string
  fingerprint: string
}

export interface FakeNetwork extends Thing {
  ip_range: string
  subnets: { type: string; ip_range: string; network_zone: string; gateway: string }[]
}

export interface FakeServer extends Thing {
  status: 'initializing' | 'off' | 'running' | 'deleting'
  type: FakeType
  image: FakeImage
  location: FakeLocation
  address: string
  attached: { network: number; ip: string }[]
  isProtected: boolean
}

/** What somebody orders; all of it is checked already. */
export interface Order extends Pick<FakeServer, 'name' | 'labels' | 'type' | 'image' | 'location'> {
  keys: FakeKey[]
  networks: FakeNetwork[]
  userData: string
  /** The action that fails. */
  failing: string | null
}

/** What stands behind the fake's servers. */
export interface Machines {
  boot(machine: { name: string; publicKeys: string[]; userData: string }): Promise<{ address: string; privateAddress: string }>
  destroy(name: string): Promise<void>
}

/** What a project has, and how it changes. */
export interface FakeProject {
  servers: FakeServer[]
  keys: FakeKey[]
  networks: FakeNetwork[]
  actions: FakeActions
  /** Every machine that was ever made, by name: what is paid for. */
  bought: string[]
  addKey(key: Pick<FakeKey, 'name' | 'labels' | 'public_key'>): FakeKey
  addNetwork(network: Pick<FakeNetwork, 'name' | 'labels' | 'ip_range' | 'subnets'>): FakeNetwork
  order(order: Order): { server: FakeServer; action: FakeAction; next_actions: FakeAction[] }
  deleteServer(server: FakeServer): FakeAction
}

interface ProjectOptions {
  actionMilliseconds: () => number
  machines: Machines | null
}

/** Addresses for documentation (RFC 5737), where no machine stands behind. */
const nowhere = (): Machines => {
  let last = 1
  return {
    async boot() {
      last += 1
      return { address: `198.51.100.${last % 250}`, privateAddress: `10.100.0.${last}` }
    },
    destroy: async () => {},
  }
}

export function createProject({ actionMilliseconds, machines }: ProjectOptions): FakeProject {
  const behind = machines ?? nowhere()
  const actions = createActions(actionMilliseconds)
  let lastId = 40
  const thing = <Given extends { name: string; labels: Labels }>(given: Given) => {
    lastId += 1
    return { ...given, id: lastId, created: new Date().toISOString() }
  }
  const project: FakeProject = {
    ...{ servers: [], keys: [], networks: [], actions, bought: [] },

    addKey({ public_key, ...given }) {
      const blob = Buffer.from(public_key.split(' ')[1] ?? '', 'base64')
      const fingerprint = createHash('md5').update(blob).digest('hex').replaceAll(/..(?!$)/g, '$&:')
      const key = { ...thing(given), public_key, fingerprint }
      project.keys.push(key)
      return key
    },

    addNetwork({ ip_range, subnets, ...given }) {
      const network = { ...thing(given), ip_range, subnets }
      project.networks.push(network)
      return network
    },

    order({ name, labels, type, image, location, keys, networks, userData, failing }) {
      const server: FakeServer = { ...thing({ name, labels }), type, image, location, status: 'initializing', address: '', attached: [], isProtected: false }
      project.servers.push(server)
      project.bought.push(name)
      const own = { id: server.id, type: 'server' }
      let privateAddress = ''
      const boot = async () => {
        const made = await behind.boot({ name, publicKeys: keys.map((key) => key.public_key), userData })
        privateAddress = made.privateAddress
        Object.assign(server, { address: made.address, status: 'off' })
      }
      const [action, ...next] = actions.begin(
        { command: 'create_server', resources: [own], isFailing: failing === 'create_server', work: boot },
        ...networks.map(({ id }) => ({
          ...{ command: 'attach_to_network', resources: [own, { id, type: 'network' }], isFailing: failing === 'attach_to_network' },
          work: () => void server.attached.push({ network: id, ip: privateAddress }),
        })),
        { command: 'start_server', resources: [own], isFailing: failing === 'start_server', work: () => void (server.status = 'running') },
      )
      return { server, action: action!, next_actions: next }
    },

    deleteServer(server) {
      server.status = 'deleting'
      const work = async () => {
        await behind.destroy(server.name)
        project.servers.splice(project.servers.indexOf(server), 1)
      }
      return actions.begin({ command: 'delete_server', resources: [{ id: server.id, type: 'server' }], work })[0]!
    },
  }
  return project
}
