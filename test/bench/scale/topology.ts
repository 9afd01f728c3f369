import type { Operation } from '../../../stack/demo/operation.ts'
import type { OrganisationClient, OwnServer } from '../../../stack/demo/organisation.ts'
import type { GitHost } from '../../api/git-host.ts'
import type { ObservedDatabase } from './database.ts'
import type { SimulatedRegistry } from './registry.ts'

/** How many servers one environment spans, and how many environments, each on one of these servers, are deployed at once. */
export interface Size {
  servers: number
  environments: number
}

/** Environments that are ready for their first deploy. */
export interface Topology {
  /** On all servers: web on each, a worker, the scheduler, database and cache, and a route that two gateways have. */
  fleet: string
  /** One web replica each, behind a gateway of its own on a server of its own. */
  environments: readonly string[]
}

/** What a topology is made of. */
interface Making {
  size: Size
  organisation: OrganisationClient
  servers: readonly OwnServer[]
  registry: SimulatedRegistry
  gitHost: GitHost
  database: ObservedDatabase
  say(line: string): void
}

/** A server with its id. */
interface Adopted {
  serverId: string
  name: string
}

const requestsAtOnce = 8

/** Sets everything up over the API. The last servers are those of the small environments, the first ones have gateways and data. */
export async function setUp(making: Making): Promise<Topology> {
  const { size, organisation, servers, gitHost, say } = making
  const adopted = await ready(making, servers, async (server) => {
    const { serverId, operation } = await organisation.adoptServer(server)
    return { operations: [operation], made: { serverId, name: server.name } }
  })
  say(`${adopted.length} servers are adopted`)
  const { applicationId } = await organisation.createApplication('shop', {
    ...{ sshUrl: gitHost.repositoryUrl, hostKey: gitHost.hostKey },
    addDeployKey: async (publicKey) => gitHost.install(publicKey),
  })
  const fleet = await setUpFleet(making, applicationId, adopted)
  say('the environment on all of them is set up')
  const environments = await setUpSmall(making, applicationId, adopted.slice(-size.environments))
  say(`${environments.length} environments of one server are set up`)
  return { fleet, environments }
}

async function setUpFleet(making: Making, applicationId: string, servers: readonly Adopted[]): Promise<string> {
  const { organisation, registry } = making
  const [first, second] = servers
  if (!first || !second) throw new Error('the fleet has two gateways, and needs as many servers')
  const { username, password, url } = registry
  const connected = { name: 'bench', type: 'generic', url, namespace: 'team', username, password, insecure: 'plain_http' }
  const { registryId } = await organisation.connectRegistry(connected)
  const serverIds = servers.map(({ serverId }) => serverId)
  const { environmentId } = await organisation.createEnvironment(applicationId, { name: 'fleet', serverIds, registryId })
  await organisation.addService(environmentId, { name: 'worker', role: 'worker', serverId: first.serverId })
  const wishes = [
    { driver: 'postgres', name: 'database', serverId: first.serverId },
    { driver: 'valkey', name: 'cache', serverId: first.serverId },
    ...[first, second].map(({ serverId, name }) => ({ driver: 'caddy', name: `gateway-${name}`, serverId })),
  ]
  const [database = '', cache = '', ...gateways] = await ready(making, wishes, (wish) => placed(organisation, wish))
  const attachments = [{ serviceId: database, role: 'database' }, { serviceId: cache, role: 'cache' }]
  await ready(making, attachments, async (attachment) => {
    const { operation } = await organisation.attach(environmentId, attachment)
    return { operations: [operation], made: null }
  })
  await ready(making, gateways, (gateway) => routed(organisation, { environmentId, domain: 'fleet.test', gateway }))
  return environmentId
}

async function setUpSmall(making: Making, applicationId: string, servers: readonly Adopted[]): Promise<string[]> {
  const { organisation } = making
  const wishes = servers.map(({ serverId, name }) => ({ driver: 'caddy', name: `own-gateway-${name}`, serverId }))
  const gateways = await ready(making, wishes, (wish) => placed(organisation, wish))
  const pairs = servers.map((server, index) => ({ ...server, gateway: gateways[index] ?? '' }))
  return ready(making, pairs, async ({ serverId, name, gateway }) => {
    const { environmentId } = await organisation.createEnvironment(applicationId, { name: `only-${name}`, serverIds: [serverId] })
    const { operations } = await routed(organisation, { environmentId, domain: `${name}.test`, gateway })
    return { operations, made: environmentId }
  })
}

/** What a request has made, and the operations that it is ready after. */
interface Made<Result> {
  operations: readonly Operation[]
  made: Result
}

async function placed(organisation: OrganisationClient, wish: { driver: string; name: string; serverId: string }): Promise<Made<string>> {
  const { serviceId, operation } = await organisation.createService(wish)
  return { operations: [operation], made: serviceId }
}

interface Routing {
  environmentId: string
  domain: string
  gateway: string
}

async function routed(organisation: OrganisationClient, { environmentId, domain, gateway }: Routing): Promise<Made<null>> {
  const { operation } = await organisation.route(environmentId, { domain, tls: 'off', gatewayServiceId: gateway })
  return { operations: [operation], made: null }
}

/** Makes one after the other, some at once, and waits until all of them are ready. Throws where one is not. */
async function ready<Item, Result>(
  { database }: Pick<Making, 'database'>,
  items: readonly Item[],
  make: (item: Item) => Promise<Made<Result>>,
): Promise<Result[]> {
  const all: Made<Result>[] = []
  for (let start = 0; start < items.length; start += requestsAtOnce) {
    all.push(...(await Promise.all(items.slice(start, start + requestsAtOnce).map(make))))
  }
  const [failed, ...more] = await database.ended(all.flatMap(({ operations }) => operations.map(({ id }) => id)))
  if (failed) throw new Error(`${more.length + 1} operations of the preparation did not succeed, the first is ${JSON.stringify(failed)}`)
  return all.map(({ made }) => made)
}
