import type { Database } from '../db/connect.ts'
import { engineService } from '../db/engine-services.ts'
import { gatewayRoutes } from '../db/gateways.ts'
import { environmentReplicas } from '../db/replicas.ts'
import { nearestEndpoint } from '../domain/endpoints.ts'
import type { EnvironmentId, ServerId, SliceId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import type { ProcessRole } from '../domain/services.ts'
import type { Gateway, Section, Upstream } from '../drivers/services/contract-gateway.ts'
import { serviceDriver } from '../drivers/services/registry.ts'

type Route = Awaited<ReturnType<typeof gatewayRoutes>>[number]
type EnvironmentReplica = Awaited<ReturnType<typeof environmentReplicas>>[number]

/** What is the operation's own on a gateway: the routes of an environment, the one route that it configures, or nothing any more. */
export type Owned = { environmentId: EnvironmentId } | { sliceId: SliceId } | { nothing: true }

function owns(owned: Owned, { id, environmentId, status }: Route): boolean {
  if ('sliceId' in owned) return id === owned.sliceId
  return 'environmentId' in owned && environmentId === owned.environmentId && status === 'ready'
}

export interface RenderedSections {
  texts: string[]
  own: Record<string, Section>
}

export interface SectionsInput {
  gateway: Gateway
  serverId: ServerId
  routes: readonly Route[]
  owned: Owned
  /** Others keep what was applied last: their newer texts did not validate together with the operation's own. */
  isAlone: boolean
}

/** The sections of one gateway's configuration, from the rows as they are in this transaction. */
export async function renderSections(db: Database, keyring: Keyring, input: SectionsInput): Promise<RenderedSections> {
  const own: Record<string, Section> = {}
  const texts: string[] = []
  for (const route of input.routes) {
    const isOwn = owns(input.owned, route)
    if (isOwn || (route.status === 'ready' && !input.isAlone)) {
      const section = await renderRoute(db, keyring, { ...input, route })
      texts.push(section.text)
      if (isOwn) own[route.id] = section
    } else if (route.appliedText) {
      texts.push(route.appliedText)
    }
  }
  return { texts, own }
}

async function renderRoute(db: Database, keyring: Keyring, { gateway, serverId, route }: { gateway: Gateway; serverId: ServerId; route: Route }) {
  const { id, domain, environmentId, config } = route
  if (!domain || !environmentId) throw new Error(`slice ${id} is no route`)
  const replicas = await environmentReplicas(db, environmentId)
  const serving = (role: ProcessRole) =>
    replicas.filter(({ replica }) => replica.role === role && replica.traffic === 'serving').map((found) => upstreamOf(found, serverId))
  const web = replicas.find(({ replica }) => replica.role === 'web')?.replica
  const { healthPath, drainWindowSeconds } = await applicationOf(db, keyring, web?.serviceId)
  return gateway.renderSection({ sliceId: id, domain, config, web: serving('web'), websocket: serving('websocket'), healthPath, drainWindowSeconds })
}

/** An environment without any replica yet has nothing to be asked for. */
async function applicationOf(db: Database, keyring: Keyring, serviceId: EnvironmentReplica['replica']['serviceId'] | undefined) {
  const nothing = { healthPath: '/', drainWindowSeconds: 0 }
  if (!serviceId) return nothing
  const { driverName, config } = await engineService(db, keyring, serviceId)
  return serviceDriver(driverName).configured(config).application ?? nothing
}

/** Where the gateway of this server reaches a replica. */
export function upstreamOf({ replica, privateAddress }: Pick<EnvironmentReplica, 'replica' | 'privateAddress'>, serverId: ServerId): Upstream {
  const { internalHost, internalPort, hostPort } = replica
  const placed = { serverId: replica.serverId, privateAddress, alias: internalHost, containerPort: internalPort, hostPort }
  const endpoint = nearestEndpoint({ serverId }, placed)
  if (!endpoint) throw new Error(`replica ${replica.containerName} cannot be reached from the gateway of another server`)
  return endpoint
}
