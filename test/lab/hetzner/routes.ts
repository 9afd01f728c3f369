import { z } from 'zod'
import { images, locations, pricing, serverTypes } from './offers.ts'
import type { FakeProject, Labels } from './project.ts'
import { invalid, notFound, Refusal, taken } from './refusal.ts'
import { keyView, networkView, serverView } from './views.ts'

/** A request below the endpoint. */
export interface Asked {
  method: string
  path: string
  query: URLSearchParams
  body: unknown
  /** The action that is to fail of those that this begins. */
  failing: string | null
}

export interface Answered {
  status: number
  body: object | null
}

const labels = z.record(z.string(), z.string()).default({})
const name = z.string().min(1)
const idOrName = z.union([z.number(), z.string()])

const newKey = z.object({ name, public_key: z.string().regex(/^ssh-\S+ \S+/), labels })
const newNetwork = z.object({
  ...{ name, ip_range: z.string(), labels },
  subnets: z.array(z.object({ type: z.string(), ip_range: z.string(), network_zone: z.string() })).default([]),
})
const newServer = z.object({
  ...{ name: name.regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/i), labels, server_type: idOrName, image: idOrName, location: z.string().default('fsn1') },
  ...{ ssh_keys: z.array(idOrName).default([]), networks: z.array(z.number()).default([]), user_data: z.string().max(32 * 1024).default('') },
  // Hetzner's older client still says that it wants none.
  datacenter: z.literal('').optional(),
})

/** Does what is asked for, and answers as the API does. Throws Refusals. */
export function answerTo(project: FakeProject, { method, path, query, body, failing }: Asked): Answered {
  const [collection = '', id = '', part] = path.split('/').slice(1)
  const route = `${method} /${collection}${id === '' ? '' : '/{id}'}${part === undefined ? '' : `/${part}`}`
  const ok = (found: object, status = 200) => ({ status, body: found })
  const gone = { status: 204, body: null }
  const { servers, keys, networks, actions } = project
  const [server, network] = [serverView(project), networkView(project)]

  switch (route) {
    case 'GET /locations':
      return ok(listed('locations', locations, query))
    case 'GET /locations/{id}':
      return ok({ location: one('location', locations, id) })
    case 'GET /server_types':
      return ok(listed('server_types', serverTypes, query))
    case 'GET /server_types/{id}':
      return ok({ server_type: one('server type', serverTypes, id) })
    case 'GET /images':
      return ok(listed('images', images, query))
    case 'GET /images/{id}':
      return ok({ image: one('image', images, id) })
    case 'GET /pricing':
      return ok({ pricing })
    case 'GET /datacenters':
      throw new Refusal(410, 'deprecated_api_endpoint', 'this endpoint was removed')
    case 'GET /ssh_keys':
      return ok(listed('ssh_keys', keys.map(keyView), query))
    case 'GET /ssh_keys/{id}':
      return ok({ ssh_key: keyView(one('ssh key', keys, id)) })
    case 'POST /ssh_keys':
      return ok({ ssh_key: keyView(addKey(project, body)) }, 201)
    case 'DELETE /ssh_keys/{id}':
      keys.splice(keys.indexOf(one('ssh key', keys, id)), 1)
      return gone
    case 'GET /networks':
      return ok(listed('networks', networks.map(network), query))
    case 'GET /networks/{id}':
      return ok({ network: network(one('network', networks, id)) })
    case 'POST /networks':
      return ok({ network: network(addNetwork(project, body)) }, 201)
    case 'DELETE /networks/{id}':
      networks.splice(networks.indexOf(one('network', networks, id)), 1)
      return gone
    case 'GET /servers':
      return ok(listed('servers', servers.map(server), query))
    case 'GET /servers/{id}':
      return ok({ server: server(one('server', servers, id)) })
    case 'POST /servers': {
      const { server: made, ...begun } = order(project, body, failing)
      return ok({ server: server(made), ...begun, root_password: null }, 201)
    }
    case 'DELETE /servers/{id}':
      return ok({ action: deleteServer(project, Number(id)) })
    case 'GET /servers/{id}/actions': {
      const { id: own } = one('server', servers, id)
      return ok(listed('actions', actions.all.filter(({ resources }) => resources.some((each) => each.type === 'server' && each.id === own)), query))
    }
    case 'GET /actions': {
      const ids = query.getAll('id').map(Number)
      if (ids.length === 0) throw new Refusal(410, 'deprecated_api_endpoint', 'this endpoint needs ids')
      return ok(listed('actions', actions.all.filter((action) => ids.includes(action.id)), new URLSearchParams()))
    }
    case 'GET /actions/{id}':
      return ok({ action: one('action', actions.all, id) })
    default:
      throw new Refusal(404, 'not_found', `no route ${route}`)
  }
}

interface Listable {
  id: number
  labels?: Labels
}

/** A page of those that the query asks for. */
function listed(collection: string, all: readonly Listable[], query: URLSearchParams) {
  const filters = ['name', 'architecture', 'type', 'status'].filter((key) => query.has(key))
  const value = (item: Listable, key: string) => String(new Map(Object.entries(item)).get(key))
  const found = all.filter((item) => filters.every((key) => query.getAll(key).includes(value(item, key))) && isSelected(item, query.get('label_selector') ?? ''))
  const [page, perPage] = [Number(query.get('page') ?? 1), Math.min(50, Number(query.get('per_page') ?? 25))]
  const last = Math.max(1, Math.ceil(found.length / perPage))
  const pagination = {
    ...{ page, per_page: perPage, previous_page: page > 1 ? page - 1 : null, next_page: page < last ? page + 1 : null },
    ...{ last_page: last, total_entries: found.length },
  }
  return { [collection]: found.slice((page - 1) * perPage, page * perPage), meta: { pagination } }
}

/** `key=value`, `key` and `!key`, separated by commas. */
function isSelected({ labels: own = {} }: Listable, selector: string): boolean {
  return selector.split(',').every((term) => {
    const [key = '', value] = term.split(/==?/)
    if (key === '') return true
    if (key.startsWith('!')) return own[key.slice(1)] === undefined
    return value === undefined ? own[key] !== undefined : own[key] === value
  })
}

function one<Thing extends { id: number; name?: string }>(what: string, all: readonly Thing[], idOr: string | number): Thing {
  const found = all.find(({ id, name: called }) => String(id) === String(idOr) || called === idOr)
  if (!found) throw notFound(what)
  return found
}

function parsed<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(body)
  if (error) throw invalid(error.issues[0]!.path.join('.'), error.issues[0]!.message)
  return data
}

function addKey(project: FakeProject, body: unknown) {
  const wished = parsed(newKey, body)
  const blob = wished.public_key.split(' ')[1]
  if (project.keys.some((key) => key.name === wished.name)) throw taken('name')
  if (project.keys.some((key) => key.public_key.split(' ')[1] === blob)) throw taken('fingerprint')
  return project.addKey(wished)
}

function addNetwork(project: FakeProject, body: unknown) {
  const { subnets, ...wished } = parsed(newNetwork, body)
  if (project.networks.some((network) => network.name === wished.name)) throw taken('name')
  return project.addNetwork({ ...wished, subnets: subnets.map((subnet) => ({ ...subnet, gateway: subnet.ip_range.replace(/\d+\/\d+$/, '1') })) })
}

function order(project: FakeProject, body: unknown, failing: string | null) {
  const wished = parsed(newServer, body)
  if (project.servers.some((server) => server.name === wished.name)) throw taken('name')
  const type = serverTypes.find(({ id, name: called }) => [id, called].includes(wished.server_type))
  const location = locations.find(({ name: called }) => called === wished.location)
  if (!type) throw invalid('server_type', 'unknown server type')
  if (!location) throw invalid('location', 'unknown location')
  const image = images.find((each) => [each.id, each.name].includes(wished.image) && each.architecture === type.architecture)
  if (!image) throw invalid('image', 'unknown image, or of another architecture')
  const place = type.locations.find(({ name: called }) => called === location.name)
  if (!place) throw new Refusal(422, 'invalid_server_type', 'unsupported location for server type')
  if (!place.available) throw new Refusal(412, 'resource_unavailable', 'error during placement')
  const networks = wished.networks.map((id) => one('network', project.networks, id))
  if (networks.some(({ subnets }) => !subnets.some((subnet) => subnet.network_zone === location.network_zone))) {
    throw new Refusal(422, 'no_subnet_available', 'no subnet available in this zone')
  }
  const keys = wished.ssh_keys.map((id) => one('ssh key', project.keys, id))
  return project.order({ name: wished.name, labels: wished.labels, type, image, location, keys, networks, userData: wished.user_data, failing })
}

function deleteServer(project: FakeProject, id: number) {
  const server = one('server', project.servers, id)
  if (server.isProtected) throw new Refusal(423, 'protected', 'server is delete protected')
  if (project.actions.isLocked('server', id)) throw new Refusal(423, 'locked', 'server is locked')
  return project.deleteServer(server)
}
