import type { Database } from '../db/connect.ts'
import { engineService, type EngineSlice, serviceOfReplica } from '../db/engine-services.ts'
import { gatewayRoutes, gatewayServer, type Revision } from '../db/gateways.ts'
import { environmentReplicas } from '../db/replicas.ts'
import { serverPlace } from '../db/servers.ts'
import { nearestEndpoint, type ServerPlace } from '../domain/endpoints.ts'
import type { EnvironmentId, ServiceId, SliceId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import type { ProcessRole, Traffic } from '../domain/services.ts'
import { otherVersions } from '../domain/versions.ts'
import type { Certificate, Gateway, RouteCertificate, Section, Upstream } from '../drivers/services/contract-gateway.ts'
import { configuredService, gatewayOf } from './configured-services.ts'
import { finalFailure } from './failures.ts'

/** A live replica with the names of its service and server. */
export type EnvironmentReplica = Awaited<ReturnType<typeof environmentReplicas>>[number]

/** What is the operation's own on a gateway: the routes of one or several environments, the one route that it configures, or nothing any more. */
export type Owned = { environmentId: EnvironmentId } | { environmentIds: readonly EnvironmentId[] } | { sliceId: SliceId } | { nothing: true }

function owns(owned: Owned, { id, environmentId, status }: EngineSlice): boolean {
  if ('sliceId' in owned) return id === owned.sliceId
  if ('environmentIds' in owned) return status === 'ready' && owned.environmentIds.some((one) => one === environmentId)
  return 'environmentId' in owned && environmentId === owned.environmentId && status === 'ready'
}

/** For which operation a gateway is configured. */
export interface ConfigurationInput {
  gatewayId: ServiceId
  owned: Owned
  /** Others keep what was applied last: their newer texts did not validate together with the operation's own. */
  isAlone: boolean
}

/** The whole configuration of one gateway, and the operation's own sections of it by slice. */
export type RenderedConfiguration = Pick<Revision, 'text' | 'ownSections'>

/** Renders a revision of a gateway's configuration from the rows as they are in this transaction. Throws where the service is no gateway. */
export async function renderConfiguration(
  tx: Database,
  keyring: Keyring,
  { gatewayId, owned, isAlone, revision }: ConfigurationInput & { revision: number },
): Promise<RenderedConfiguration> {
  const gateway = gatewayOf(await engineService(tx, keyring, gatewayId))
  const place = await serverPlace(tx, (await gatewayServer(tx, gatewayId)).serverId)
  const ownSections: Record<string, Section> = {}
  const texts: string[] = []
  for (const route of await gatewayRoutes(tx, keyring, gatewayId)) {
    const isOwn = owns(owned, route)
    if (isOwn || (route.status === 'ready' && !isAlone)) {
      const section = await renderRoute(tx, keyring, { gateway, place, route })
      texts.push(section.text)
      if (isOwn) ownSections[route.id] = section
    } else if (route.appliedText) {
      texts.push(route.appliedText)
    }
  }
  return { text: gateway.renderConfiguration(revision, texts), ownSections }
}

interface PlacedRoute {
  gateway: Gateway
  place: ServerPlace
  route: EngineSlice
}

async function renderRoute(db: Database, keyring: Keyring, { gateway, place, route }: PlacedRoute): Promise<Section> {
  const { id, domain, environmentId, config } = route
  if (!domain || !environmentId) throw new Error(`slice ${id} is no route`)
  const replicas = await environmentReplicas(db, environmentId)
  const upstreams = (of: readonly EnvironmentReplica[]) => of.map((found) => upstreamOf(found, place))
  const having = (traffic: Traffic) => replicas.filter(({ replica }) => replica.traffic === traffic)
  const serving = (role: ProcessRole) => having('serving').filter(({ replica }) => replica.role === role)
  const web = await applicationBehind(db, keyring, serving('web'))
  const websocket = await applicationBehind(db, keyring, serving('websocket'))
  return gateway.renderSection({
    ...{ sliceId: id, domain, config, certificate: certificateOf(route) },
    ...{ web: upstreams(serving('web')), websocket: upstreams(serving('websocket')) },
    draining: upstreams(having('draining')),
    otherVersions: otherVersions(replicas.filter(({ replica }) => replica.role === 'web')).map(upstreams),
    healthPath: web?.healthPath ?? '/',
    assetPaths: web?.assetPaths ?? [],
    websocketPaths: websocket?.websocketPaths ?? [],
  })
}

/** The certificates that users gave for routes of a gateway. */
export async function certificatesOf(db: Database, keyring: Keyring, gatewayId: ServiceId): Promise<RouteCertificate[]> {
  const routes = await gatewayRoutes(db, keyring, gatewayId)
  return routes.flatMap((route) => {
    const certificate = certificateOf(route)
    return certificate ? [{ sliceId: route.id, ...certificate }] : []
  })
}

function certificateOf({ credentials: { chain, privateKey } }: EngineSlice): Certificate | null {
  return chain && privateKey ? { chain, privateKey } : null
}

/** While two generations serve, what the newer one was planned with counts. */
const newest = (replicas: readonly EnvironmentReplica[]): EnvironmentReplica | undefined =>
  replicas.toSorted((one, other) => other.replica.createdAt.getTime() - one.replica.createdAt.getTime())[0]

/** How the service of these replicas wants its traffic; null where none serves. */
async function applicationBehind(db: Database, keyring: Keyring, serving: readonly EnvironmentReplica[]) {
  const found = newest(serving)
  return found ? configuredService(await serviceOfReplica(db, keyring, found.replica)).application : null
}

/** A replica with all that decides whether it can be reached. */
type PlacedReplica = Pick<EnvironmentReplica, 'replica' | 'place' | 'allowPublic'>

/** Where a gateway reaches a replica. Fails as `upstream_unreachable` where no way leads there. */
export function upstreamOf({ replica, place, allowPublic }: PlacedReplica, gateway: ServerPlace): Upstream {
  const { internalHost, internalPort, hostPort, containerName } = replica
  const endpoint = nearestEndpoint(gateway, { ...place, alias: internalHost, containerPort: internalPort, hostPort, allowPublic })
  if (endpoint) return endpoint
  throw finalFailure({
    code: 'upstream_unreachable',
    message: `A gateway of another server cannot reach ${containerName}.`,
    hint: 'Give both servers addresses in one private network, allow its service to be reached publicly, or route the domain on a gateway of its own server; then deploy again.',
  })
}
