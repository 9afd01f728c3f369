import type { EngineService } from '../db/engine-services.ts'
import { type ServerState, serverStates } from '../db/servers.ts'
import { environmentWarnings, type Link } from '../domain/checks.ts'
import type { DeploySnapshot } from '../domain/deploy-snapshot.ts'
import { sharePrivateNetwork } from '../domain/endpoints.ts'
import type { ServerId } from '../domain/ids.ts'
import { revealed, type Secret } from '../domain/secret.ts'
import { applicationOf } from './configured-services.ts'
import type { PlanningDeps } from './deps.ts'
import type { PlacedEnvironment } from './placed-environment.ts'
import type { ReplicaContext } from './replica-input.ts'

/** What an environment is judged by beside its services and where they are placed. */
interface Judged {
  context: ReplicaContext
  gateways: DeploySnapshot['gateways']
  /** The variables that a replica of the primary service will have. */
  env: Readonly<Record<string, string | Secret>>
  webServices: readonly EngineService[]
}

/** What people should know of an environment beyond what is deployed, from what is stored of it and its servers. */
export async function adviceFor({ db }: PlanningDeps, found: PlacedEnvironment, judged: Judged): Promise<DeploySnapshot['advice']> {
  const { environment, placement, placements, primary } = found
  const { context, env, webServices } = judged
  const servers = await serverStates(db, environment.organisationId)
  const path = `/organisations/${environment.organisationId}/environments/${environment.id}`
  const own = [...new Set(placements.map(({ serverId }) => serverId))]
  const web = new Set(placements.filter(({ serviceId }) => webServices.some(({ id }) => id === serviceId)).map(({ serverId }) => serverId))
  const setting = (name: string) => (env[name] === undefined ? null : revealed(env[name]))
  const findings = environmentWarnings({
    path,
    settings: { appEnv: setting('APP_ENV'), appDebug: setting('APP_DEBUG'), filesystemDisk: setting('FILESYSTEM_DISK') },
    persistentPaths: applicationOf(primary).persistentPaths,
    webServers: web.size,
    links: [...dataLinks(servers, own, context), ...upstreamLinks(servers, [...web], { name: environment.name, ...judged })],
    fullDisks: own.flatMap((id) => lowDisk(servers.get(id))),
  })
  return { path, queueStore: queueStore(context), serverId: placement.serverId, findings }
}

type Servers = ReadonlyMap<string, ServerState>

const lowDisk = (server: ServerState | undefined) =>
  server && server.lowDiskMb !== null ? [{ serverName: server.name, freeMb: server.lowDiskMb }] : []

function queueStore({ attached }: ReplicaContext) {
  const types = attached.map(({ slice }) => slice.type)
  return types.includes('keyspace') ? 'redis' : types.includes('database') ? 'database' : null
}

function dataLinks(servers: Servers, own: readonly ServerId[], { attached, providers }: ReplicaContext): Link[] {
  const services = new Map(attached.map(({ service }) => [service.id, service.name]))
  return [...services].flatMap(([id, name]) => {
    const provider = providers.find((replica) => replica.serviceId === id && replica.status === 'running')
    return provider ? farLinks(servers, { kind: 'data', name, from: own, to: [provider.serverId] }) : []
  })
}

const upstreamLinks = (servers: Servers, web: readonly ServerId[], { name, gateways }: { name: string } & Pick<Judged, 'gateways'>): Link[] =>
  gateways.flatMap(({ serverId }) => farLinks(servers, { kind: 'upstream', name, from: [serverId], to: web }))

/**
 * None where all of them are on one server or in one private network. That is as much as is known of where servers stand: a private
 * network is one location, and from one to another it goes over the internet.
 */
function farLinks(servers: Servers, { kind, name, from, to }: Pick<Link, 'kind' | 'name'> & { from: readonly ServerId[]; to: readonly ServerId[] }): Link[] {
  const isFar = (one: ServerId, other: ServerId) => {
    const [here, there] = [servers.get(one), servers.get(other)]
    return one !== other && !(here && there && sharePrivateNetwork(here, there))
  }
  const named = (ids: readonly ServerId[]) => ids.map((id) => servers.get(id)?.name ?? id).toSorted()
  const farFrom = from.filter((one) => to.some((other) => isFar(one, other)))
  const farTo = to.filter((other) => from.some((one) => isFar(one, other)))
  return farFrom.length === 0 ? [] : [{ kind, name, from: named(farFrom), to: named(farTo), isPublic: true, isNear: false }]
}
