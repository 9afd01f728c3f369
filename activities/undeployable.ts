import { attachedServices } from '../db/attachments.ts'
import type { Database } from '../db/connect.ts'
import { type Environment, environmentServers, routedServers } from '../db/environments.ts'
import { serversOfServices } from '../db/operation-locks.ts'
import { whyUnreachable } from '../db/reach.ts'
import { type Server, serversAmong } from '../db/servers.ts'
import { type Service, serviceOf } from '../db/services.ts'
import { platformsToBuild } from '../domain/builds.ts'
import { type Platform, platformOf } from '../domain/images.ts'
import type { Reason } from '../domain/pushes.ts'
import { serviceDriver } from '../drivers/services/registry.ts'

/** Why an environment cannot be deployed as it is set up; `status` is the HTTP status that says so to whoever asks for it. */
export interface Undeployable extends Reason {
  status: 409 | 422
}

/** Looks at what is known before anything is started; null where it can be built and deployed. */
export async function whyUndeployable(db: Database, environment: Environment): Promise<Undeployable | null> {
  const servers = await serversOf(db, environment)
  const unplaced = await whyUnplacedOn(db, environment, servers)
  if (unplaced || environment.buildStrategy === 'external_registry') return unplaced
  return whyUnbuildable(db, environment, servers)
}

/** The same where nothing is built, as in a rollback. */
export async function whyUnplaced(db: Database, environment: Environment): Promise<Undeployable | null> {
  return whyUnplacedOn(db, environment, await serversOf(db, environment))
}

const serversOf = async (db: Database, { organisationId, id }: Environment): Promise<Server[]> =>
  serversAmong(db, organisationId, await environmentServers(db, id))

async function whyUnplacedOn(db: Database, environment: Environment, servers: readonly Server[]): Promise<Undeployable | null> {
  const { name } = environment
  if (servers.length === 0) {
    return { status: 409, code: 'environment_without_servers', message: `${name} has no server: create it with serverIds, or add a service to it.` }
  }
  const failed = servers.find(({ status }) => status === 'failed')
  if (failed) {
    return { status: 409, code: 'server_not_ready', message: `${failed.name} is not ready, since its provisioning failed: provision it again.` }
  }
  return whyApart(db, environment)
}

/** The one image is built on one server, and the others pull it from a registry. */
async function whyUnbuildable(db: Database, environment: Environment, servers: readonly Server[]): Promise<Undeployable | null> {
  const { name, organisationId, registryId, builderServiceId } = environment
  const builder = builderServiceId === null ? null : await serviceOf(db, organisationId, builderServiceId)
  if (builder?.status === 'failed') {
    const message = `${builder.name}, which builds for ${name}, is not ready: deploy it again, or choose another builder.`
    return { status: 409, code: 'builder_not_ready', message }
  }
  if (registryId === null && (builder !== null || servers.length > 1)) {
    const reason = builder ? `${builder.name} builds for ${name}` : `${name} spans ${servers.length} servers`
    return { status: 422, code: 'registry_required', message: `${reason}, and they pull the one image from a registry: set up one first.` }
  }
  return whyMixed(environment, { servers, builder, builtOn: builder ? await serversAmong(db, organisationId, builder.serverIds) : servers.slice(0, 1) })
}

interface Built {
  servers: readonly Server[]
  builder: Service | null
  builtOn: readonly Server[]
}

/** Servers whose kind is not known yet are judged when the deploy is planned. */
function whyMixed({ name }: Environment, { servers, builder, builtOn }: Built): Undeployable | null {
  const [own] = platformsOf(builtOn)
  const wanted = platformsOf(servers)
  const offered = builder && serviceDriver(builder.driverName).configured(builder.config).builder?.platforms
  if (!own || platformsToBuild(wanted, { own, offered: offered ?? null })) return null
  const kinds = [...new Set([...wanted, ...(builder ? [own] : [])])].toSorted().join(' and ')
  const span = builder ? `${name} and its builder span` : `${name} spans`
  const advice = 'let a dedicated builder with all of them in config.platforms build it, or let all of them be of the same kind'
  return { status: 422, code: 'mixed_architectures', message: `${span} servers of ${kinds}, and its image is built for one: ${advice}.` }
}

const platformsOf = (servers: readonly Server[]): Platform[] =>
  servers.flatMap(({ architecture }) => (architecture ? [platformOf(architecture)] : []))

/** What the environment needs must be within reach of its servers, and its servers within reach of its gateways. */
async function whyApart(db: Database, { organisationId, id, name }: Environment): Promise<Undeployable | null> {
  const own = await environmentServers(db, id)
  const { serverIds: routed, allowPublic: areRoutedPublicly } = await routedServers(db, id)
  for (const service of await attachedServices(db, id)) {
    const servers = await serversOfServices(db, [service.id])
    const reach =
      service.category === 'gateway'
        ? { from: servers, to: routed, allowPublic: areRoutedPublicly, wish: `${service.name} is to route to ${name}` }
        : { from: own, to: servers, allowPublic: service.allowPublic, wish: `${service.name} is to be reached by ${name}` }
    const message = await whyUnreachable(db, { organisationId, ...reach })
    if (message !== null) return { status: 422, code: 'service_unreachable', message }
  }
  return null
}
