import type { Database } from '../db/connect.ts'
import { serviceOfReplica } from '../db/engine-services.ts'
import { operationById } from '../db/operations/begin.ts'
import { environmentReplicas, type Replica, replicasOf, setTraffic } from '../db/replicas.ts'
import type { ServerPlace } from '../domain/endpoints.ts'
import type { EnvironmentId, OperationId, ServerId } from '../domain/ids.ts'
import type { DrainingUpstream } from '../drivers/services/contract-gateway.ts'
import { applicationOf } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { upstreamOf } from './gateway-sections.ts'

/**
 * The new replicas of an operation that run serve; the old ones of the same services keep only what they have, those on servers of
 * later batches not before these have run, too.
 */
export async function shiftTraffic(tx: Database, environmentId: EnvironmentId, rootId: OperationId): Promise<void> {
  const routed = (await environmentReplicas(tx, environmentId)).map(({ replica }) => replica).filter(isRouted)
  const own = routed.filter((replica) => replica.operationId === rootId)
  const fresh = own.filter(({ status }) => status === 'running')
  const isFollowed = ({ serviceId, serverId }: Replica) => {
    const following = own.filter((replica) => replica.serviceId === serviceId)
    const isWhole = following.length > 0 && following.every(({ status }) => status === 'running')
    return isWhole || following.some((replica) => replica.serverId === serverId && replica.status === 'running')
  }
  const old = routed.filter((replica) => replica.operationId !== rootId && isFollowed(replica))
  await setTraffic(tx, fresh.map(({ id }) => id), 'serving')
  await setTraffic(tx, old.filter(({ traffic }) => traffic === 'serving').map(({ id }) => id), 'draining')
}

/** Names of the containers that an operation's deploy has started behind the gateway of this server. */
export async function startedContainers({ db }: ActivityDeps, operationId: OperationId, serverId: ServerId): Promise<string[]> {
  const { rootId } = await operationById(db, operationId)
  const own = (await replicasOf(db, rootId)).filter((replica) => isRouted(replica) && replica.serverId === serverId)
  const started = own.filter(({ status }) => status === 'running')
  return started.map(({ containerName }) => containerName)
}

/** Old replicas of an environment that only finish what they have, as one server's gateway reaches them. */
export interface DrainingUpstreams {
  upstreams: DrainingUpstream[]
  /** Container names of web replicas by `host:port`; websockets stay open as long as they are let. */
  webNames: ReadonlyMap<string, string>
}

export async function drainingUpstreams(
  { db, keyring }: ActivityDeps,
  environmentId: EnvironmentId,
  gateway: ServerPlace,
): Promise<DrainingUpstreams> {
  const draining = (await environmentReplicas(db, environmentId)).filter(({ replica }) => replica.traffic === 'draining')
  const found = await Promise.all(
    draining.map(async ({ replica, ...placed }) => {
      const { drainWindowSeconds: windowSeconds } = applicationOf(await serviceOfReplica(db, keyring, replica))
      return { replica, upstream: { ...upstreamOf({ replica, ...placed }, gateway), windowSeconds } }
    }),
  )
  const web = found.filter(({ replica }) => replica.role === 'web')
  return {
    upstreams: found.map(({ upstream }) => upstream),
    webNames: new Map(web.map(({ upstream: { host, port }, replica }) => [`${host}:${port}`, replica.containerName])),
  }
}

const isRouted = ({ role }: Replica): boolean => role === 'web' || role === 'websocket'
