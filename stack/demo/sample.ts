import type { Operation, OperationTree } from './operation.ts'
import type { OrganisationClient, OwnRepository, OwnServer } from './organisation.ts'

/** Waits for an operation and may tell of it. Throws where it does not succeed. */
export type Await = (operation: Operation) => Promise<OperationTree>

/** A server with its own database, cache and gateway. */
export interface PreparedServer {
  serverId: string
  databaseId: string
  cacheId: string
  gatewayId: string
}

/** Adopts a server and puts Postgres, Valkey and Caddy on it. */
export async function prepareServer(organisation: OrganisationClient, server: OwnServer, ended: Await): Promise<PreparedServer> {
  const { serverId, operation } = await organisation.adoptServer(server)
  await ended(operation)
  const place = async (driver: string, name: string) => {
    const service = await organisation.createService({ driver, name: `${name}-${server.name}`, serverId })
    await ended(service.operation)
    return service.serviceId
  }
  const databaseId = await place('postgres', 'database')
  const cacheId = await place('valkey', 'cache')
  const gatewayId = await place('caddy', 'gateway')
  return { serverId, databaseId, cacheId, gatewayId }
}

export interface SampleWish {
  name: string
  repository: OwnRepository
  domain: string
  /** Settings of the web service. */
  web?: object
  /** How it is built. */
  build?: object
  /** Instead of the one server with all that it needs; the image is then stored in this registry. */
  fleet?: { serverIds: readonly string[]; registryId: string }
  phpVersion?: string
}

/**
 * Everything that the sample application needs before its first deploy: application, environment with web, worker and scheduler,
 * a database and a keyspace of its own, a route.
 */
export async function createSample(
  organisation: OrganisationClient,
  { serverId, databaseId, cacheId, gatewayId }: PreparedServer,
  { name, repository, domain, web = {}, build = {}, fleet, phpVersion, ended }: SampleWish & { ended: Await },
): Promise<{ environmentId: string }> {
  const { applicationId } = await organisation.createApplication(name, repository)
  const { serverIds, ...registry } = fleet ?? { serverIds: [serverId] }
  const { environmentId } = await organisation.createEnvironment(applicationId, { name: 'production', serverIds, web, build, phpVersion, ...registry })
  await organisation.addService(environmentId, { name: 'worker', role: 'worker', serverId: serverIds[0] })
  const database = await organisation.attach(environmentId, { serviceId: databaseId, role: 'database' })
  await ended(database.operation)
  const cache = await organisation.attach(environmentId, { serviceId: cacheId, role: 'cache' })
  await ended(cache.operation)
  const queue = await organisation.attach(environmentId, { serviceId: cacheId, role: 'queue', sliceId: cache.sliceId })
  await ended(queue.operation)
  const route = await organisation.route(environmentId, { domain, tls: 'off', gatewayServiceId: gatewayId })
  await ended(route.operation)
  return { environmentId }
}
